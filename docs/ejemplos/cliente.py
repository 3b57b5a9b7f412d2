"""Cliente de nivel 2 de docs/protocolo.md; los números de los comentarios son los de sus reglas.

    python3 cliente.py [DIRECCIÓN] [PUERTO] [NOMBRE]"""
import os, queue, socket, struct, sys, threading, time
from contextlib import suppress

CABECERA = struct.Struct(">3sBBBBB8sIBBH")  # 1.1
HELLO, RETRY, WELCOME, REFUSE, MESSAGE, ACK, PING, PONG, BYE, BYE_ACK = range(1, 11)
MAXIMO, CONECTAR, INACTIVIDAD = 1104, 5.0, 75.0  # bytes de un mensaje, y segundos
LARGOS = {RETRY: (1, 36), WELCOME: (12, 108), REFUSE: (1, 1), MESSAGE: (0, MAXIMO), ACK: (0, 40),
          PING: (0, 40), PONG: (0, 8), BYE: (1, 1), BYE_ACK: (0, 0)}  # bytes de contenido

def hello(ficha=b""):
    return struct.pack(">IBB130s", int(1000 * INACTIVIDAD), len(ficha), 0, ficha)  # 1.2

class Envio:  # un paquete que se reenvía hasta que llega su contestación (2.3)
    def __init__(self, tipo, numero=0, contenido=b"", ahead=0):
        self.tipo, self.numero, self.contenido, self.ahead = tipo, numero, contenido, ahead
        self.intento, self.vencidos, self.salidas, self.primera = 0, 0, {}, time.monotonic()

class Cliente:
    def __init__(self, servidor, nombre):
        self.servidor, self.nombre, self.inactividad = servidor, nombre, INACTIVIDAD
        self.enchufe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.enchufe.settimeout(0.01)
        self.azar, self.sesion, self.fin, self.ultimo = os.urandom(8), None, None, (b"", 0.0)
        self.enviado = self.recibido = self.oido = 0  # números de mensaje, e intento del recibido
        self.oido_en, self.rto, self.srtt, self.pings = 0.0, 1.0, None, 0
        self.mensaje, self.ping = self.enviar(Envio(HELLO, contenido=hello())), None  # pendientes

    def transmitir(self, tipo, numero=0, contenido=b"", intento=0, eco=0, ahead=0):
        ident = self.sesion or self.azar
        cabecera = CABECERA.pack(b"PyR", 2, tipo, intento, eco, 0, ident, numero, 0, 0, ahead)
        self.enchufe.sendto(cabecera + contenido, self.servidor)

    def enviar(self, envio):  # por primera vez, o una vez más
        envio.intento = envio.intento % 255 + 1
        ahora = envio.salidas[envio.intento] = time.monotonic()
        larga = {HELLO: 1.0, BYE: 0.0}.get(envio.tipo, self.inactividad / 16)
        envio.vence = ahora + max(self.rto, min(self.rto * 2 ** envio.vencidos, larga))  # 2.4
        eco = self.oido if envio.tipo == MESSAGE else 0
        self.transmitir(envio.tipo, envio.numero, envio.contenido, envio.intento, eco, envio.ahead)
        return envio

    def con_nombre(self, tipo, numero, texto=b""):
        nombre = b"" if self.enviado else self.nombre  # hasta la primera pregunta
        return self.enviar(Envio(tipo, numero, nombre + texto, len(nombre)))

    def escribir(self, linea):
        if linea.strip().lower() == "bye":
            self.mensaje, self.ping = self.enviar(Envio(BYE, contenido=b"\0")), None  # 1.15
        elif len(linea.encode() + self.nombre) > MAXIMO:
            print(f"Error: La pregunta no cabe en {MAXIMO} bytes", file=sys.stderr)
        else:
            numero = self.recibido + 1  # 1.8
            self.mensaje, self.enviado = self.con_nombre(MESSAGE, numero, linea.encode()), numero

    def medir(self, envio, eco, demora):  # la ida y vuelta, y el plazo de reenvío (2.20)
        if not envio or eco not in envio.salidas or demora == 255:
            return
        medida = max(0.0, time.monotonic() - envio.salidas[eco] - demora / 1000)
        if self.srtt is None:
            self.srtt, self.variacion = medida, medida / 2
        self.variacion += (abs(self.srtt - medida) - self.variacion) / 4
        self.srtt += (medida - self.srtt) / 8
        self.rto = min(5.0, self.srtt + max(4 * self.variacion, 0.001) + 0.025)

    def recibir(self, datos):
        ahora, contenido = time.monotonic(), datos[24:]
        if len(datos) < 24 or datos == self.ultimo[0] and ahora < self.ultimo[1] + self.rto:
            return  # una copia (2.19)
        _, _, tipo, intento, eco, demora, ident, numero, _, ultimo, _ = CABECERA.unpack_from(datos)
        menos, mas = LARGOS.get(tipo, (0, -1))
        es_paquete = datos[:4] == b"PyR\x02" and menos <= len(contenido) <= mas
        if not es_paquete or ident != (self.sesion or self.azar) or (
                tipo == MESSAGE and datos[20] > ultimo):
            return  # 1.7, 1.18
        self.ultimo = (datos, ahora)
        if not self.sesion:
            return self.conectar(tipo, intento, eco, demora, contenido)
        self.oido_en, se_va = ahora, self.mensaje and self.mensaje.tipo == BYE
        if tipo == MESSAGE and ultimo == 0 and not se_va:  # 2.18
            if numero == self.enviado + 1 > self.recibido:  # 1.19, 2.8
                self.medir(self.mensaje, eco, demora)
                self.mensaje, self.recibido, self.oido = None, numero, intento  # 2.6
                print("Respuesta:", contenido.decode(errors="replace"), flush=True)
            if numero == self.recibido:
                self.transmitir(ACK, numero, eco=intento)  # 1.13, 2.7
        elif tipo == ACK and self.mensaje and numero == self.enviado and not se_va:
            self.medir(self.mensaje, eco, demora)
            self.mensaje = None  # 2.5
        elif tipo == PING:
            self.transmitir(PONG, numero, contenido[:8], eco=intento)  # 1.14
        elif tipo == PONG and self.ping and numero == self.ping.numero:
            self.medir(self.ping, eco, demora)
            self.ping = None
        elif tipo == BYE:
            self.transmitir(BYE_ACK)  # 1.16
            self.fin = "bye" if se_va else f"el servidor se despide, por el motivo {contenido[0]}"
        elif tipo == BYE_ACK and se_va:
            self.fin = "bye"

    def conectar(self, tipo, intento, eco, demora, contenido):
        self.medir(self.mensaje, eco, demora)
        if tipo == RETRY and self.mensaje.contenido != hello(contenido):
            self.mensaje.contenido = hello(contenido)  # 1.4
            self.enviar(self.mensaje)
        elif tipo == WELCOME:
            self.sesion, self.mensaje, self.oido = contenido[:8], None, intento
            suyo = struct.unpack_from(">I", contenido, 8)[0] / 1000
            self.inactividad = max(1.0, min(INACTIVIDAD, suyo))
            self.oido_en = time.monotonic() - self.inactividad / 4  # para que salga un PING (2.14)
        elif tipo == REFUSE:
            self.fin = f"el servidor rechaza la conexión, por el motivo {contenido[0]}"  # 1.20

    def vencer(self):  # reenvía lo que no tuvo contestación, o se da por vencido
        ahora, plazos = time.monotonic(), {HELLO: CONECTAR, BYE: max(0.2, 2 * self.rto)}
        for envio in filter(None, (self.mensaje, self.ping)):
            if ahora >= envio.primera + plazos.get(envio.tipo, self.inactividad):
                self.fin = "bye" if envio.tipo == BYE else "el servidor no responde"  # 2.1, 2.17
            elif ahora >= envio.vence:
                envio.vencidos += 1
                for _ in range(2 if envio.tipo == HELLO or envio.vencidos > 1 else 1):  # 2.21
                    self.enviar(envio)
        if self.sesion and ahora >= self.oido_en + self.inactividad:
            self.fin = "se perdió al servidor"  # 2.16
        elif self.sesion and not self.ping and ahora >= self.oido_en + 0.22 * self.inactividad:
            self.pings += 1  # 2.15
            self.ping = self.con_nombre(PING, self.pings)

def leer(lineas):
    for linea in sys.stdin:
        lineas.put(linea.rstrip("\r\n"))
    lineas.put("bye")

direccion, puerto, nombre = sys.argv[1:] + ["127.0.0.1", "12000", ""][len(sys.argv) - 1:]
cliente, lineas, invitado = Cliente((direccion, int(puerto)), nombre.encode()), queue.Queue(), -1
threading.Thread(target=leer, args=(lineas,), daemon=True).start()
while not cliente.fin:
    with suppress(OSError):  # no llegó nada
        cliente.recibir(cliente.enchufe.recvfrom(2048)[0])
    cliente.vencer()
    if not cliente.sesion or cliente.mensaje or cliente.enviado > cliente.recibido:
        continue  # 1.9
    if invitado != cliente.recibido:
        print("Ingrese una pregunta: ", end="", flush=True)
    invitado = cliente.recibido
    if not lineas.empty():
        cliente.escribir(lineas.get())
sys.exit(None if cliente.fin == "bye" else f"Error: {cliente.fin}")
