"""Servidor de nivel 2 de docs/protocolo.md; los números de los comentarios son los de sus reglas.

    python3 servidor.py [PUERTO [--eco]]      con --eco, responde a cada pregunta con ella misma
"""
import os, queue, socket, struct, sys, threading, time
from contextlib import suppress

CABECERA = struct.Struct(">3sBBBBB8sIBBH")  # 1.1
HELLO, RETRY, WELCOME, REFUSE, MESSAGE, ACK, PING, PONG, BYE, BYE_ACK = range(1, 11)
LARGOS = {HELLO: (136, 136), MESSAGE: (0, 1104), ACK: (0, 40), PING: (0, 40), PONG: (0, 8),
          BYE: (1, 1), BYE_ACK: (0, 0)}  # bytes de contenido
INACTIVIDAD, SIN_OIR, DESPEDIDA, SESIONES = 75.0, 15.0, 5.0, 1000

class Envio:  # un paquete que se reenvía hasta que llega su contestación (2.3)
    def __init__(self, tipo, numero=0, contenido=b""):
        self.tipo, self.numero, self.contenido = tipo, numero, contenido
        self.intento, self.vencidos, self.salidas, self.primera = 0, 0, {}, time.monotonic()

class Sesion:
    def __init__(self, azar, direccion, inactividad):
        self.azar, self.ident, self.direccion = azar, os.urandom(8), direccion  # 1.6
        self.inactividad = max(1.0, min(INACTIVIDAD, inactividad))
        plazo = struct.pack(">I", int(1000 * INACTIVIDAD))
        self.welcome, self.mensaje = Envio(WELCOME, 0, self.ident + plazo), None  # por contestar
        self.recibido = self.enviado = self.oido = 0  # números de mensaje, e intento del recibido
        self.oido_en, self.fin_en, self.ultimo = None, None, (b"", 0.0)
        self.rto, self.srtt, self.variacion = 1.0, None, 0.0

    def transmitir(self, tipo, numero=0, contenido=b"", intento=0, eco=0, ahead=0):
        ident = self.azar if tipo in (WELCOME, REFUSE) else self.ident
        cabecera = CABECERA.pack(b"PyR", 2, tipo, intento, eco, 0, ident, numero, 0, 0, ahead)
        enchufe.sendto(cabecera + contenido, self.direccion)

    def enviar(self, envio):  # por primera vez, o una vez más
        envio.intento = envio.intento % 255 + 1
        ahora = envio.salidas[envio.intento] = time.monotonic()
        larga = 0.3 if envio.tipo == BYE else self.inactividad / 16
        envio.vence = ahora + max(self.rto, min(self.rto * 2 ** envio.vencidos, larga))  # 2.4
        eco = 0 if envio.tipo == BYE else self.oido
        self.transmitir(envio.tipo, envio.numero, envio.contenido, envio.intento, eco)
        return envio

    def medir(self, envio, eco, demora):  # la ida y vuelta, y el plazo de reenvío (2.20)
        if not envio or eco not in envio.salidas or demora == 255:
            return
        medida = max(0.0, time.monotonic() - envio.salidas[eco] - demora / 1000)
        if self.srtt is None:
            self.srtt, self.variacion = medida, medida / 2
        self.variacion += (abs(self.srtt - medida) - self.variacion) / 4
        self.srtt += (medida - self.srtt) / 8
        self.rto = min(5.0, self.srtt + max(4 * self.variacion, 0.001) + 0.025)

    def responder(self, texto):
        self.enviado = self.recibido + 1  # 1.8
        self.mensaje = self.enviar(Envio(MESSAGE, self.enviado, texto))

    def recibir(self, datos):
        ahora, contenido = time.monotonic(), datos[24:]
        _, _, tipo, intento, eco, demora, _, numero, _, ultimo, ahead = CABECERA.unpack_from(datos)
        if datos == self.ultimo[0] and ahora < self.ultimo[1] + self.rto:
            return  # una copia (2.19)
        self.ultimo, se_va = (datos, ahora), self.mensaje and self.mensaje.tipo == BYE
        if self.oido_en is None:
            self.medir(self.welcome, eco, demora)  # el primer paquete acusa el WELCOME
        self.oido_en = ahora
        if tipo == BYE:
            self.transmitir(BYE_ACK)  # 1.16, 2.13
        if tipo == BYE or tipo == BYE_ACK and se_va:
            self.fin_en, self.mensaje = self.fin_en or ahora, None
        elif self.fin_en:
            return
        elif tipo == PING:
            self.transmitir(PONG, numero, eco=intento)  # 1.14
        elif tipo == ACK and self.mensaje and numero == self.enviado and not se_va:
            self.medir(self.mensaje, eco, demora)
            self.mensaje = None  # 2.5
        elif tipo == MESSAGE and ultimo == 0 and not se_va:  # 2.18
            if numero == self.enviado + 1 > self.recibido:  # 1.19, 2.8
                self.medir(self.mensaje, eco, demora)
                self.mensaje, self.recibido, self.oido = None, numero, intento  # 2.6
                pregunta = contenido[ahead:] if numero == 1 else contenido  # 1.11
                cola.append((self, pregunta.decode(errors="replace")))
            if numero == self.recibido:
                self.transmitir(ACK, numero, eco=intento)  # 1.13, 2.7

    def vencer(self):  # reenvía lo que no tuvo contestación; dice si la sesión se puede olvidar
        ahora, envio = time.monotonic(), self.mensaje
        if envio and ahora >= envio.vence:
            envio.vencidos += 1
            for _ in range(min(2, envio.vencidos)):  # 2.21
                self.enviar(envio)
        if self.fin_en or self.oido_en is None:
            return ahora >= (self.fin_en + 3 if self.fin_en else self.welcome.primera + SIN_OIR)
        if envio and envio.tipo == BYE:
            return ahora >= envio.primera + DESPEDIDA  # 2.12
        if envio and ahora >= envio.primera + self.inactividad or not envio and cerrando:
            motivo = b"\x06" if envio else b"\x01"  # 2.17, 1.21
            self.mensaje = self.enviar(Envio(BYE, contenido=motivo))
        return ahora >= self.oido_en + self.inactividad  # 2.16

def recibir(datos, direccion):
    if len(datos) < 24 or datos[:4] != b"PyR\x02":
        return  # 1.17, 1.18
    menos, mas = LARGOS.get(datos[4], (0, -1))
    if not menos <= len(datos) - 24 <= mas or datos[4] == MESSAGE and datos[20] > datos[21]:
        return  # el segmento no pasa del último
    intento, ident = datos[5], datos[8:16]
    if datos[4] == HELLO:
        sesion = next((it for it in sesiones.values() if it.azar == ident), None)  # 2.2
        if not sesion:
            sesion = Sesion(ident, direccion, struct.unpack_from(">I", datos, 24)[0] / 1000)
            if cerrando or len(sesiones) >= SESIONES:
                return sesion.transmitir(REFUSE, contenido=bytes([cerrando]), eco=intento)
            sesiones[sesion.ident] = sesion
        if sesion.oido_en is None and sesion.direccion == direccion and intento > sesion.oido:
            sesion.oido = intento
            sesion.enviar(sesion.welcome)
    elif ident in sesiones and sesiones[ident].direccion == direccion:  # 1.7
        sesiones[ident].recibir(datos)

def leer():
    for linea in sys.stdin:
        respuestas.put(linea.rstrip("\r\n").encode())
    respuestas.put(None)  # no hay más

es_eco, sesiones, cola, respuestas = "--eco" in sys.argv, {}, [], queue.Queue()
mostrada, cerrando = None, False
enchufe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
enchufe.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 12000))
enchufe.settimeout(0.01)
threading.Thread(target=leer, daemon=True).start()
print("El servidor UDP listo para recibir preguntas del cliente", flush=True)
while not cerrando or sesiones:
    with suppress(OSError):  # no llegó nada
        recibir(*enchufe.recvfrom(2048))
    for sesion in [it for it in sesiones.values() if it.vencer()]:
        del sesiones[sesion.ident]
    cola = [it for it in cola if it[0].ident in sesiones and not it[0].fin_en]
    if cola and cola[0] != mostrada and not es_eco:
        mostrada = cola[0]
        print(f"Pregunta: {mostrada[1]}\nCliente: {mostrada[0].direccion[0]}", flush=True)
        print("Ingrese una respuesta: ", end="", flush=True)
    if not respuestas.empty() and respuestas.queue[0] is None:
        cerrando = True
    elif cola and (es_eco or not respuestas.empty()):
        respuesta = cola[0][1].encode() if es_eco else respuestas.get()
        if len(respuesta) <= 1104:
            cola.pop(0)[0].responder(respuesta)
        else:
            print("Error: La respuesta no cabe en 1104 bytes", file=sys.stderr)
