"""Cliente de preguntas y respuestas sobre UDP sin nada añadido: nivel 0 de docs/protocolo.md."""
import socket
import sys

servidor = ("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 12000)
cliente = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
pregunta = ""
while pregunta.strip().lower() != "bye":
    pregunta = input("Ingrese una pregunta: ")
    cliente.sendto(pregunta.encode(), servidor)
    if pregunta.strip().lower() != "bye":
        print("Respuesta:", cliente.recvfrom(65507)[0].decode(errors="replace"))
