-- Wireshark dissector for questions and answers over UDP. It names every field of every packet that
-- `protocol.ts` draws, and calls malformed what `decode` of `transport/reliable/packet.ts` refuses. What is
-- shown is in Spanish, each field with its standard term.
--
--   tshark -X lua_script:docs/pyr.lua -i lo -f "udp port 12000"
--
-- Needs Wireshark 4.0 or later. In its window: copy this file to the folder of personal Lua plugins,
-- which Help > About Wireshark > Folders names, and press Ctrl+Shift+L.

local pyr = Proto("pyr", "Preguntas y respuestas por UDP")

local PORT = 12000
local VERSION = 2
local MAX_DATAGRAM_BYTES = 1152
local HEADER_BYTES = 24
local COUNTER_BYTES = 8
local TAG_BYTES = 16
local SEAL_BYTES = COUNTER_BYTES + TAG_BYTES
local MAX_SEGMENT_BYTES = MAX_DATAGRAM_BYTES - HEADER_BYTES - SEAL_BYTES
local MAX_MESSAGE_BYTES = 65536
local HELLO_BYTES = 160
local WELCOME_FIELDS = 12
local MAX_TOKEN_BYTES = 36
local SHARE_BYTES = 32
local CONFIRMATION_BYTES = 64
local CHALLENGE_BYTES = 8
local MAX_NAME_BYTES = 40
local MAX_NOTICE_BYTES = 1000

-- How much of a text the packet list shows, in characters.
local EXCERPT = 60

-- Each type at its code: how many bytes its payload may have, and whether a private room seals it.
local TYPES = {
  { name = "HELLO", least = HELLO_BYTES - HEADER_BYTES, most = HELLO_BYTES - HEADER_BYTES },
  { name = "RETRY", least = 1, most = MAX_TOKEN_BYTES },
  { name = "WELCOME", least = WELCOME_FIELDS, most = WELCOME_FIELDS + SHARE_BYTES + CONFIRMATION_BYTES },
  { name = "REFUSE", least = 1, most = 1 },
  { name = "MESSAGE", least = 0, most = MAX_SEGMENT_BYTES, isSealable = true },
  { name = "ACK", least = 0, most = MAX_NAME_BYTES, isSealable = true },
  { name = "PING", least = 0, most = MAX_NAME_BYTES, isSealable = true },
  { name = "PONG", least = 0, most = CHALLENGE_BYTES, isSealable = true },
  { name = "BYE", least = 1, most = 1, isSealable = true },
  { name = "BYE-ACK", least = 0, most = 0, isSealable = true },
  { name = "RESET", least = 0, most = 0 },
  { name = "NOTICE", least = 0, most = MAX_NOTICE_BYTES, isSealable = true },
  { name = "NOTICE-ACK", least = 0, most = 0, isSealable = true },
}

local NAMES = {}
for code, type in ipairs(TYPES) do NAMES[code] = type.name end

local REFUSALS = {
  [0] = "el servidor está lleno",
  [1] = "el servidor se está cerrando",
  [2] = "demasiados clientes en esa dirección",
  [3] = "el código de la sala es otro",
  [4] = "la sala es privada y falta el código",
  [5] = "la sala es abierta y sobra el código",
  [6] = "el servidor habla otra versión",
  [7] = "demasiados códigos sin confirmar: hay que esperar",
}

local BYE_REASONS = {
  [0] = "no hay más preguntas",
  [1] = "el servidor se cierra",
  [2] = "falló quien debía responder",
  [3] = "un mensaje no era UTF-8",
  [4] = "el servidor tiene demasiadas preguntas sin responder",
  [5] = "quien atiende expulsa al cliente",
  [6] = "un mensaje no llegó",
  [7] = "ya no queda sitio",
  [8] = "el servidor pasa sus clientes a otro",
}

local f = {
  magic = ProtoField.string("pyr.magic", "Firma (magic)"),
  version = ProtoField.uint8("pyr.version", "Versión (version)"),
  type = ProtoField.uint8("pyr.type", "Tipo (type)", base.DEC, NAMES),
  attempt = ProtoField.uint8("pyr.attempt", "Intento (attempt)"),
  echo = ProtoField.uint8("pyr.echo", "Intento al que responde (echo)"),
  ackDelay = ProtoField.uint8("pyr.ack_delay", "Demora del acuse, en ms (ack delay)"),
  nonce = ProtoField.uint64("pyr.nonce", "Número al azar del cliente (nonce)", base.HEX),
  session = ProtoField.uint64("pyr.session", "Identificador de la sesión (session id)", base.HEX),
  number = ProtoField.uint32("pyr.number", "Número de secuencia (sequence number)"),
  segment = ProtoField.uint8("pyr.segment", "Segmento, contado desde 0 (segment)"),
  lastSegment = ProtoField.uint8("pyr.last_segment", "Último segmento (last segment)"),
  ahead = ProtoField.uint16("pyr.ahead", "Preguntas por delante, o bytes del nombre (ahead)"),
  name = ProtoField.string("pyr.name", "Nombre del cliente (name)"),
  idleTimeout = ProtoField.uint32("pyr.idle_timeout", "Plazo de inactividad, en ms (idle timeout)"),
  tokenLength = ProtoField.uint8("pyr.token_length", "Bytes de la ficha (token length)"),
  keyShareLength = ProtoField.uint8("pyr.key_share_length", "Bytes de la clave (key share length)"),
  token = ProtoField.bytes("pyr.token", "Ficha de verificación de dirección (retry token)"),
  keyShare = ProtoField.bytes("pyr.key_share", "Parte del acuerdo de claves (key share)"),
  point = ProtoField.bytes("pyr.key_share.point", "Punto de la curva (point)"),
  confirmation = ProtoField.bytes("pyr.key_share.confirmation", "Confirmación (confirmation)"),
  padding = ProtoField.bytes("pyr.padding", "Relleno (padding)"),
  refusal = ProtoField.uint8("pyr.refusal", "Motivo del rechazo (refusal)", base.DEC, REFUSALS),
  byeReason = ProtoField.uint8("pyr.bye_reason", "Motivo del fin (bye reason)", base.DEC, BYE_REASONS),
  challenge = ProtoField.bytes("pyr.challenge", "Desafío (challenge)"),
  payload = ProtoField.bytes("pyr.payload", "Contenido (payload)"),
  text = ProtoField.string("pyr.text", "Texto (text)"),
  counter = ProtoField.uint64("pyr.seal.counter", "Contador del sello (counter)"),
  ciphertext = ProtoField.bytes("pyr.seal.ciphertext", "Contenido cifrado (ciphertext)"),
  tag = ProtoField.bytes("pyr.seal.tag", "Etiqueta de autenticación (tag)"),
  turn = ProtoField.string("pyr.turn", "Turno (turn)"),
  responseTo = ProtoField.framenum(
    "pyr.response_to", "Responde al paquete (response to)", base.NONE, frametype.REQUEST),
  responseTime = ProtoField.relative_time(
    "pyr.response_time", "Tiempo desde ese paquete (response time)"),
  responseIn = ProtoField.framenum(
    "pyr.response_in", "Le responde el paquete (response in)", base.NONE, frametype.RESPONSE),
}
for _, field in pairs(f) do table.insert(pyr.fields, field) end

local e = {
  malformed = ProtoExpert.new(
    "pyr.malformed", "Malformado", expert.group.MALFORMED, expert.severity.ERROR),
  cut = ProtoExpert.new(
    "pyr.cut", "La captura no guardó el datagrama entero",
    expert.group.UNDECODED, expert.severity.WARN),
  notUtf8 = ProtoExpert.new(
    "pyr.not_utf8", "No es UTF-8: quien lo reciba terminará la conversación",
    expert.group.PROTOCOL, expert.severity.WARN),
  maybeSealed = ProtoExpert.new(
    "pyr.maybe_sealed", "Quizá sellado: no se capturó el WELCOME que lo diría",
    expert.group.UNDECODED, expert.severity.NOTE),
  retransmission = ProtoExpert.new(
    "pyr.retransmission", "Reenvío (retransmission)", expert.group.SEQUENCE, expert.severity.NOTE),
}
for _, field in pairs(e) do table.insert(pyr.experts, field) end

-- What the packets before have told, for as long as one capture is open.
local isSealedRoom -- By session id, from its WELCOME.
local awaited -- Which packet an answer with a certain name would be the answer to.
local answerOf -- By the number of a packet: the packet that it answers.
local answeredIn -- By the number of a packet: the first packet that answers it.

function pyr.init()
  isSealedRoom, awaited, answerOf, answeredIn = {}, {}, {}, {}
end

-- RFC 3629 §4.
local UTF8_FORMS = {
  "^[\0-\127]+",
  "^[\194-\223][\128-\191]",
  "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]",
  "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

local function isUtf8(text)
  local at = 1
  while at <= #text do
    local last
    for _, form in ipairs(UTF8_FORMS) do
      last = last or select(2, text:find(form, at))
    end
    if not last then return false end
    at = last + 1
  end
  return true
end

-- C1 controls and bidirectional controls: their bytes, and the code point of a last byte of 128.
local HIDDEN = {
  { "\194([\128-\159])", 0x80 },
  { "\216(\156)", 0x600 },
  { "\226\128([\142\143\168-\174])", 0x2000 },
  { "\226\129([\160-\175])", 0x2040 },
}

-- A text from the network without what could steer the terminal that tshark writes to.
local function clean(text)
  text = text:gsub("[\0-\31]", function(c) return "\226\144" .. string.char(128 + c:byte()) end)
  text = text:gsub("\127", "\226\144\161")
  for _, hidden in ipairs(HIDDEN) do
    text = text:gsub(hidden[1], function(last)
      return string.format("<U+%04X>", hidden[2] + last:byte() - 128)
    end)
  end
  return text
end

local function excerpt(text)
  local characters = 0
  for at in text:gmatch("()[^\128-\191]") do
    characters = characters + 1
    if characters > EXCERPT then return text:sub(1, at - 1) .. "…" end
  end
  return text
end

local function add(tree, field, tvb, at, length)
  if length > 0 then return tree:add(field, tvb(at, length)) end
end

-- A share of CPace; the server's confirmation follows its own.
local function addKeyShare(tree, tvb, at, length)
  local share = add(tree, f.keyShare, tvb, at, length)
  if length ~= SHARE_BYTES + CONFIRMATION_BYTES then return end
  add(share, f.point, tvb, at, SHARE_BYTES)
  add(share, f.confirmation, tvb, at + SHARE_BYTES, CONFIRMATION_BYTES)
end

-- Bytes of the client's name that open a payload of so many bytes.
local function nameLength(packet, length)
  local name, ahead = packet.type.name, packet.ahead
  if name == "MESSAGE" then return packet.number == 1 and packet.segment == 0 and ahead or 0 end
  return (name == "ACK" or name == "PING") and ahead == length and length or 0
end

local function addName(tree, tvb, at, length)
  local name = length > 0 and tvb(at, length):raw() or ""
  if length == 0 or not isUtf8(name) then return "" end
  tree:add(f.name, tvb(at, length), clean(name))
  return ", de «" .. clean(name) .. "»"
end

local function addText(tree, tvb, at, length)
  local text = length > 0 and tvb(at, length):raw() or ""
  if not isUtf8(text) then
    tree:add_proto_expert_info(e.notUtf8)
    return ", no es UTF-8"
  end
  text = clean(text)
  if length > 0 then tree:add(f.text, tvb(at, length), text) end
  return ": «" .. excerpt(text) .. "»"
end

-- How to read the payload of each type that has one. What they return is said in the packet list.
local READERS = {
  HELLO = function(tree, tvb, at, length)
    local tokenLength, keyShareLength = tvb(at + 4, 1):uint(), tvb(at + 5, 1):uint()
    tree:add(f.idleTimeout, tvb(at, 4))
    tree:add(f.tokenLength, tvb(at + 4, 1))
    tree:add(f.keyShareLength, tvb(at + 5, 1))
    local keyShareAt = at + 6 + tokenLength
    add(tree, f.token, tvb, at + 6, tokenLength)
    addKeyShare(tree, tvb, keyShareAt, keyShareLength)
    local paddingAt = keyShareAt + keyShareLength
    add(tree, f.padding, tvb, paddingAt, at + length - paddingAt)
    local key = keyShareLength > 0 and " y con clave" or ""
    return (tokenLength > 0 and ", con ficha" or ", sin ficha") .. key
  end,
  RETRY = function(tree, tvb, at, length)
    tree:add(f.token, tvb(at, length))
    return ", ficha de " .. length .. " bytes"
  end,
  WELCOME = function(tree, tvb, at, length)
    tree:add(f.session, tvb(at, 8))
    tree:add(f.idleTimeout, tvb(at + 8, 4))
    addKeyShare(tree, tvb, at + WELCOME_FIELDS, length - WELCOME_FIELDS)
    return length > WELCOME_FIELDS and ", sala privada" or ", sala abierta"
  end,
  REFUSE = function(tree, tvb, at)
    tree:add(f.refusal, tvb(at, 1))
    return ": " .. (REFUSALS[tvb(at, 1):uint()] or "motivo desconocido")
  end,
  MESSAGE = function(tree, tvb, at, length, packet)
    add(tree, f.payload, tvb, at, length)
    local named = packet.named
    local words = addName(tree, tvb, at, named)
    if packet.lastSegment > 0 then return words end
    return words .. addText(tree, tvb, at + named, length - named)
  end,
  NOTICE = addText,
  ACK = addName,
  PING = function(tree, tvb, at, length, packet)
    local named = packet.named
    if named > 0 or length == 0 then return addName(tree, tvb, at, named) end
    add(tree, f.challenge, tvb, at, length)
    return ", con desafío"
  end,
  BYE = function(tree, tvb, at)
    tree:add(f.byeReason, tvb(at, 1))
    return ": " .. (BYE_REASONS[tvb(at, 1):uint()] or "motivo desconocido")
  end,
}
READERS.PONG = READERS.PING
READERS.RESET = function() return ": el servidor no conoce esa sesión" end

local function readSeal(tree, tvb, at, length)
  tree:add(f.counter, tvb(at, COUNTER_BYTES))
  add(tree, f.ciphertext, tvb, at + COUNTER_BYTES, length)
  tree:add(f.tag, tvb(at + COUNTER_BYTES + length, TAG_BYTES))
end

local function segmentFault(packet, length)
  local segment, last = packet.segment, packet.lastSegment
  local name = packet.number == 1 and packet.ahead or 0
  local function fits(segment, bytes)
    return segment * MAX_SEGMENT_BYTES + bytes <= MAX_MESSAGE_BYTES + name
  end
  if segment > last then return "ese segmento va después del último" end
  if name > MAX_NAME_BYTES then return "el nombre pasa de " .. MAX_NAME_BYTES .. " bytes" end
  if last == 0 and length < name then return "el nombre no cabe en el mensaje" end
  if segment < last and length < MAX_SEGMENT_BYTES then
    return "solo el último segmento puede ser corto"
  end
  if length == 0 and last > 0 then return "solo un mensaje de un segmento puede estar vacío" end
  if not fits(segment, length) or segment < last and not fits(last, 1) then
    return "el mensaje pasa de " .. MAX_MESSAGE_BYTES .. " bytes"
  end
end

-- What is wrong with a packet whose payload has so many bytes before it is sealed, if anything is.
local function faultOf(packet, length)
  local type = packet.type
  if length < type.least or length > type.most then
    local bounds = type.least == type.most and type.least or type.least .. " a " .. type.most
    return "el contenido mide " .. length .. " bytes, y debe medir " .. bounds
  end
  if type.name == "MESSAGE" then return segmentFault(packet, length) end
  local isName = length == packet.ahead
  if type.name == "ACK" and length > 0 and not (isName and packet.number == 0) then
    return "el contenido mide " .. length .. " bytes, y solo el primero lleva un nombre"
  end
  local isChallenge = length == 0 or length == CHALLENGE_BYTES
  if type.name == "PONG" and not isChallenge or type.name == "PING" and not (isChallenge or isName) then
    return "un desafío mide " .. CHALLENGE_BYTES .. " bytes, y este " .. length
  end
end

local function helloFault(tvb)
  local tokenLength = tvb(HEADER_BYTES + 4, 1):uint()
  local keyShareLength = tvb(HEADER_BYTES + 5, 1):uint()
  if tokenLength > MAX_TOKEN_BYTES then return "la ficha pasa de " .. MAX_TOKEN_BYTES .. " bytes" end
  if keyShareLength > SHARE_BYTES then return "la clave pasa de " .. SHARE_BYTES .. " bytes" end
end

-- Whether a packet is sealed. Its session's WELCOME tells; where that was not captured, its length
-- does, but for a message that would be well formed both ways.
local function sealOf(packet, tvb, length)
  if not packet.type.isSealable then return "open" end
  local isSealed = isSealedRoom[packet.id]
  if isSealed ~= nil then return isSealed and "sealed" or "open" end
  if length < SEAL_BYTES or faultOf(packet, length - SEAL_BYTES) then return "open" end
  if faultOf(packet, length) then return "maybe" end
  -- No counter passes 2^53: a text would have to open with a NUL and another control.
  return tvb(HEADER_BYTES, 2):uint() < 0x20 and "maybe" or "open"
end

-- The names under which an answer to this packet would ask for it, but for who sent it.
local function namesOf(packet)
  local name, id = packet.type.name, packet.id
  local names = { id }
  if name == "HELLO" then
    names[2] = "HELLO " .. id .. packet.attempt
  elseif name == "WELCOME" then
    -- It counts as message 0: the first question acknowledges it, or an ACK of message 0.
    local welcome = "MESSAGE " .. packet.newSession .. "0 " .. packet.attempt
    names[2], names[3] = welcome, welcome .. " 0"
  elseif name == "MESSAGE" then
    local message = "MESSAGE " .. id .. packet.number .. " " .. packet.attempt
    names[2], names[3] = message, message .. " " .. packet.segment
  elseif name == "PING" then
    names[2] = "PING " .. id .. packet.number .. " " .. packet.attempt
  elseif name == "NOTICE" then
    names[2] = "NOTICE " .. id .. packet.number .. " " .. packet.attempt
  elseif name == "BYE" then
    names[2] = "BYE " .. id
  end
  return names
end

-- The name of what this packet answers, if it answers something.
local function answeredName(packet)
  local name, id, echo = packet.type.name, packet.id, packet.echo
  if name == "RESET" then return id end
  if name == "BYE-ACK" then return "BYE " .. id end
  if echo == 0 then return nil end
  if name == "ACK" then
    return "MESSAGE " .. id .. packet.number .. " " .. echo .. " " .. packet.segment
  end
  -- A reply does not say which segment it echoes: the latest is meant.
  if name == "MESSAGE" then return "MESSAGE " .. id .. (packet.number - 1) .. " " .. echo end
  if name == "NOTICE-ACK" then return "NOTICE " .. id .. packet.number .. " " .. echo end
  if name == "PONG" then return "PING " .. id .. packet.number .. " " .. echo end
  if not packet.type.isSealable then return "HELLO " .. id .. echo end
end

local function linkAnswers(tree, pinfo, packet)
  local here = pinfo.number
  if not pinfo.visited then
    local sender = tostring(pinfo.src) .. " " .. pinfo.src_port .. " "
    local receiver = tostring(pinfo.dst) .. " " .. pinfo.dst_port .. " "
    local name = answeredName(packet)
    local request = name and awaited[receiver .. name]
    if request then
      answerOf[here] = request
      answeredIn[request.number] = answeredIn[request.number] or here
    end
    for _, asked in ipairs(namesOf(packet)) do
      awaited[sender .. asked] = { number = here, time = pinfo.rel_ts }
    end
  end
  local request = answerOf[here]
  if request then
    local elapsed = pinfo.rel_ts - request.time
    local seconds = math.floor(elapsed)
    local time = NSTime.new(seconds, math.floor((elapsed - seconds) * 1e9 + 0.5))
    tree:add(f.responseTo, request.number):set_generated()
    tree:add(f.responseTime, time):set_generated()
  end
  if answeredIn[here] then tree:add(f.responseIn, answeredIn[here]):set_generated() end
end

local function addHeader(tree, tvb)
  local isHandshake = tvb(4, 1):uint() <= 4
  tree:add(f.magic, tvb(0, 3))
  tree:add(f.version, tvb(3, 1))
  tree:add(f.type, tvb(4, 1))
  tree:add(f.attempt, tvb(5, 1))
  tree:add(f.echo, tvb(6, 1))
  tree:add(f.ackDelay, tvb(7, 1))
  tree:add(isHandshake and f.nonce or f.session, tvb(8, 8))
  tree:add(f.number, tvb(16, 4))
  tree:add(f.segment, tvb(20, 1))
  tree:add(f.lastSegment, tvb(21, 1))
  tree:add(f.ahead, tvb(22, 2))
  return {
    type = TYPES[tvb(4, 1):uint()],
    attempt = tvb(5, 1):uint(),
    echo = tvb(6, 1):uint(),
    id = tvb(8, 8):bytes():tohex() .. " ",
    number = tvb(16, 4):uint(),
    segment = tvb(20, 1):uint(),
    lastSegment = tvb(21, 1):uint(),
    ahead = tvb(22, 2):uint(),
  }
end

-- What can be said of a packet by its header, as in `MESSAGE 3 (pregunta), segmento 1/2, intento 2`.
local function summary(packet)
  local name = packet.type.name
  local words = name
  local isNumbered = name == "PING" or name == "PONG" or name == "NOTICE" or name == "NOTICE-ACK"
  if isNumbered then words = words .. " " .. packet.number end
  if name == "MESSAGE" or name == "ACK" then
    words = words .. " " .. packet.number
    if packet.turn then words = words .. " (" .. packet.turn .. ")" end
  end
  if name == "ACK" and packet.number == 0 then words = words .. " (del WELCOME)" end
  if name == "ACK" and packet.number > 0 then
    words = words .. ", segmento " .. packet.segment + 1
  end
  if name == "MESSAGE" and packet.lastSegment > 0 then
    words = words .. ", segmento " .. packet.segment + 1 .. "/" .. packet.lastSegment + 1
  end
  if packet.attempt > 0 then words = words .. ", intento " .. packet.attempt end
  -- What a message echoes is another message: to name it here would confuse.
  if packet.echo > 0 and name ~= "MESSAGE" then
    words = words .. ", responde al intento " .. packet.echo
  end
  if packet.ahead > 0 and packet.named == 0 and name ~= "MESSAGE" then words = words .. ", " .. packet.ahead .. " por delante" end
  return words
end

local function setInfo(tree, pinfo, words)
  pinfo.cols.info:set(words)
  tree:append_text(": " .. words)
end

local function setMalformed(tree, pinfo, what, fault)
  tree:add_proto_expert_info(e.malformed, "Malformado: " .. fault)
  setInfo(tree, pinfo, what .. " MALFORMADO: " .. fault)
end

-- Reads a datagram of which all was captured, and which is long enough for a header.
local function dissectPacket(tree, tvb, pinfo)
  local packet = addHeader(tree, tvb)
  local length = tvb:len() - HEADER_BYTES
  local type = packet.type
  local seal = type and sealOf(packet, tvb, length)
  local payloadLength = seal == "open" and length or length - SEAL_BYTES
  local fault
  if tvb(3, 1):uint() ~= VERSION then
    fault = "la versión debe ser " .. VERSION
  elseif not type then
    fault = "no hay ningún tipo " .. tvb(4, 1):uint()
  elseif length > MAX_DATAGRAM_BYTES - HEADER_BYTES then
    fault = "el datagrama pasa de " .. MAX_DATAGRAM_BYTES .. " bytes"
  elseif payloadLength < 0 then
    fault = "es demasiado corto para el sello de su sala privada"
  else
    fault = faultOf(packet, payloadLength) or type.name == "HELLO" and helloFault(tvb) or nil
  end
  if fault then
    add(tree, f.payload, tvb, HEADER_BYTES, length)
    return setMalformed(tree, pinfo, type and type.name or "Datagrama", fault)
  end

  if type.name == "MESSAGE" or type.name == "ACK" and packet.number > 0 then
    packet.turn = packet.number % 2 == 1 and "pregunta" or "respuesta"
    tree:add(f.turn, packet.turn):set_generated()
  end
  if type.name == "WELCOME" then
    packet.newSession = tvb(HEADER_BYTES, 8):bytes():tohex() .. " "
    -- The first one counts: whoever repeats it later with something else was not the server.
    if isSealedRoom[packet.newSession] == nil then
      isSealedRoom[packet.newSession] = length > WELCOME_FIELDS
    end
  end
  packet.named = nameLength(packet, payloadLength)
  local words = summary(packet)
  if seal == "open" then
    local read = READERS[type.name]
    if read then words = words .. read(tree, tvb, HEADER_BYTES, length, packet) end
  else
    readSeal(tree, tvb, HEADER_BYTES, payloadLength)
    words = words .. (seal == "maybe" and ", quizá sellado" or ", sellado")
    if seal == "maybe" then tree:add_proto_expert_info(e.maybeSealed) end
  end
  -- The HELLO that brings the token back counts as its second attempt, and repeats nothing.
  if packet.attempt > 1 and type.name ~= "HELLO" then
    tree:add_proto_expert_info(e.retransmission)
  end
  linkAnswers(tree, pinfo, packet)
  setInfo(tree, pinfo, words)
end

local function dissect(tvb, pinfo, root)
  pinfo.cols.protocol:set("PyR")
  local tree = root:add(pyr, tvb())
  if tvb:captured_len() < tvb:reported_len() then
    if tvb:captured_len() >= HEADER_BYTES then addHeader(tree, tvb) end
    tree:add_proto_expert_info(e.cut)
    setInfo(tree, pinfo, "La captura no guardó el datagrama entero")
  elseif tvb:len() < HEADER_BYTES then
    tree:add(f.magic, tvb(0, 3))
    local fault = "mide " .. tvb:len() .. " bytes, y la cabecera " .. HEADER_BYTES
    setMalformed(tree, pinfo, "Datagrama", fault)
  else
    dissectPacket(tree, tvb, pinfo)
  end
  return tvb:len()
end

local function hasMagic(tvb)
  return tvb:captured_len() >= 4 and tvb(0, 3):raw() == "PyR"
end

-- On the port of the protocol: any version, but no text that happens to open like it.
function pyr.dissector(tvb, pinfo, root)
  if not hasMagic(tvb) or tvb(3, 1):uint() >= 0x20 then return 0 end
  return dissect(tvb, pinfo, root)
end

DissectorTable.get("udp.port"):add(PORT, pyr)

-- On any other port.
pyr:register_heuristic("udp", function(tvb, pinfo, root)
  if not hasMagic(tvb) or tvb(3, 1):uint() ~= VERSION then return false end
  dissect(tvb, pinfo, root)
  return true
end)
