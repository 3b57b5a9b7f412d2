/**
 * The words of the codes of private rooms: 1,024 common Spanish words of three to seven letters, without
 * accent or ñ. Four letters tell any two apart, none begins another, and no two sound alike.
 *
 * @module
 */

/** The words, in alphabetical order. */
export const CODE_WORDS: readonly string[] = `
abajo abeja abierto abono abrazo abrigo abuela acacia acceso aceite acento acera actor acuario
adorno agenda agosto agua aguja ahora aire ajedrez ajo ajuste alambre alarma alba alcalde aldea
alegre aliado aliento alivio alondra alto alumno amable amapola amiga amplio ancho ancla anfibio
anillo animal antena antiguo anuncio apio aplauso apoyo arado arbusto archivo arcilla arco
ardilla arena armario aroma arreglo arriba arroyo arte artista asfalto asiento asunto atento
atlas atleta aula aumento autor avance avena aviador aviso ayuda ayuno azada azucena azufre
azulejo babero bacalao balanza balde ballena balsa banco banda baraja barba barniz bebida
belleza berro bigote billete bingo bisonte blanco bloque blusa bobina boca boceto bocina boda
bodega boina boleto bolsa bombero bondad bonito borde bosque bostezo botella bravo brazo breve
brillo brindis brisa brocha broma bronce brote bruma brusco bueno buey bufanda bulto buque
burbuja butaca buzo caballo cabello cabina cabra cacao cadena caja cajero calcio calidad calma
calor calzado camada cambio camello camino campana canal cancha candado canela canguro canica
canoa cansado caoba capa capital capullo cara carga carpeta carro carta casa casco caseta castor
catorce cauce caudal cazador cazuela cebada cebolla cebra cedro ceja celda celeste cemento cena
ceniza centro cepillo cera cereal cesta chaleco charco cheque chispa chorro choza chuleta churro
cielo cifra cigarra cima cinco cine cinta circo ciruela cisne ciudad claro clase clavel cliente
clima cobre coche cocina coco codo cofre cohete colina collar colmena color columna comedor
comida compra consejo copa copia coral corcho cordel corona correo cortina cosa cosecha costa
coyote crema cresta cristal crucero cuadro cuarto cubo cuchara cuello cuenta cuerda cueva
cultivo cumbre cuna curioso curso curva dado dama danza debate decano decena dedal dedo defensa
delgado denso deporte derecha derrame deseo desfile destino detalle diario dibujo diente diez
digno dinero dintel diploma disco disfraz doce doctor domingo donde dorado dorso dos drama ducha
dulce duna eclipse eco efecto ejemplo elenco elogio embudo empate empleo empresa enchufe encima
enebro enero enfoque enigma enlace enorme ensayo entero entrada envase equipo erizo escala
escena escoba escudo esencia esfera esmero espejo espiga esponja espuma esquina establo estilo
estuche etapa euro evento examen fagot faja falda fama familia famoso farol fase favor febrero
fecha feliz feria fibra ficha fideo fiesta figura fila filete filtro final finca fino firma flan
flauta flecha flor flota foca foco fogata folleto fondo forma foro fortuna foto fragua franja
frase freno fresco frijol frontal fruta fuego fuente fugaz futuro gacela gafas gaita galaxia
galgo galleta gamba ganado gancho garaje garza gasto gato gaviota gemelo genio gente geranio
gesto gigante giro globo gloria golfo goma gorila gorra gota gotera gracia grada gramo granero
grieta grifo grillo gris grosor grulla grupo gruta guante guapo guinda hacha hada halo hamaca
harina hebilla hecho helado helecho heraldo hermano herrero hidalgo hiedra hielo hierba higo
hija hilo himno hogar hoguera hoja hola hombro hongo honor horario hormiga horno hotel hoyo
hueco huella huerta hueso humano humo icono idilio idioma imagen imperio impulso inicio inmenso
insecto interno invento iris isla jacinto jalea jarabe jarra jaula jersey jinete jirafa jornada
joven joya juego jueves juez jugo juguete julio junco jungla junio justo kilo koala labio ladera
lagarto lago laguna lana lancha largo latido laurel lazo leal leche lector legado lema lengua
lenteja letra leyenda liana libre liebre lienzo ligero lila lima limpio lince lingote lino lirio
liso lista litro llano llave lleno lluvia lobo local logro lomo lona loro lote lucero lucha
lugar luna lunes lupa lustre luz maceta macizo madera madre maduro maestro magia maleta manada
mando manga manta manzana mapa maqueta marca marea marfil marino marron martes marzo mazorca
mecha medalla media medusa mejilla melena memoria mensaje menta mercado mes meteoro metro mezcla
miel milagro mimbre mina mineral minuto mirada mirlo mirto mitad mito mochila modelo modo molde
molino momento moneda morado morsa mosaico mostaza motivo motor mueble muelle muestra mundo
muralla muro museo musgo mutuo naipe naranja nariz nativo natural nave neblina negocio nervio
nevera niebla nieto nieve nivel noble noche nogal nombre nopal norma noticia novato novela nube
nublado nudo nueve nuez nunca nutria oasis oboe obra obrero ocaso ochenta ocho ocio ocre octubre
oeste oferta oficio ojal oleaje olfato oliva olor omega once onda onza orca orden oreja orgullo
oriente origen orilla oro ostra oveja ozono padre paella paisaje pala palco paleta palma paloma
pampa panal pandero panel papel paquete parada parcela pared parque paseo pasillo paso pasta
patata patio pato pausa pavo payaso paz pecera pedal peine pelota pera perfil perla permiso
pesca peso pez piano picante piedra piel pierna pieza pijama pila pileta piloto pincel pino
pinza pirata piscina piso pista pizarra pizca pizza placa plan plata playa plaza plomo plumero
poema poeta polen polo pomelo poncho popular portal potro pozo prado precio premio prenda prima
proceso pronto propio puchero pueblo puente puerta puesto pulpo pulso puma punta pupitre queso
quien quince racimo radar radio ramal ramo rampa rango raqueta raro rasgo rastro raya rayo
rebote receta recibo recreo recto redondo reflejo refugio regalo regla regreso reina relevo
relieve reloj remedio remo repaso repisa reposo reptil rescate reserva resina resorte respeto
resto resumen retina retrato revista rey ribera rico riego rienda riesgo rifa riqueza risa risco
ritmo rival roble robot robusto roca rodilla rojo romano rombo romero ronda ropa rosa rostro
rubio rueda ruido rumba rumor rutina sabio sabroso safari sala salero salida salsa salud sapo
sardina sastre sauce sauna secreto sed seis selva semana semilla sepia sereno siempre sierra
siesta siete siglo signo silla silueta sirena sitio sol sombra soneto sonido sonrisa sopa
sorbete sorteo suerte suspiro tabla taco talco talento tambor tango tanque tapiz tarde tarea
tarjeta tarta taxi teatro techo tecla tejado tejido tela templo tenis termo ternera terraza
tesoro testigo tibio tiempo tienda tierra tigre tijera timbre tinta tipo tiza toalla tobillo
tomate tomillo tono topo toro torre tortuga tostada tractor traje trece treinta tren tres tribu
trigo trineo triunfo trofeo tronco trucha trueno trufa turista turno tutor urbano urna urraca
uva vaca valija valle vaquero vecino veinte velero veloz ventana verano verdad vestido viaje
vida video vidrio viento viernes villa vinagre vivero vuelo yegua yodo yoga yogur yuca yunque
zafiro zapato zona zueco zumbido zumo
`.trim().split(/\s+/);
