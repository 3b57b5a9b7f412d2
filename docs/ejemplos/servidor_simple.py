"""Servidor de preguntas y respuestas sobre UDP sin nada añadido: nivel 0 de docs/protocolo.md."""
import socket
import sys

servidor = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
servidor.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 12000))
print("El servidor UDP listo para recibir preguntas del cliente", flush=True)
while True:
    datagrama, cliente = servidor.recvfrom(65507)
    pregunta = datagrama.decode(errors="replace")
    if pregunta.strip().lower() == "bye":
        continue
    print(f"Pregunta: {pregunta}\nCliente: {cliente[0]}", flush=True)
    servidor.sendto(input("Ingrese una respuesta: ").encode(), cliente)
