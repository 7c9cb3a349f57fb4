// Trapline payload codec: one file for The Things Stack, ChirpStack v4 and every server that speaks TS013-1.0.0.
// ECMAScript 5.1, no libraries. Frames come up on port 1, sealed commands go down on port 2; docs/wire-format.md
// describes both, and `trapline decode` gives the same fields. Times are RFC 3339 text and, under the same name with
// `_s` behind it, seconds since 1970-01-01 UTC.

// What a site may fill in here. On ChirpStack leave it empty and set the variables `codebook` (names with commas
// between), `device` and `command_key` of the device instead.

// Scientific names, sorted, each once: the list that `trapline decode --codebook` takes. Without it species are codes.
var CODEBOOK = [];
// Only to seal commands here. Whoever runs the server can then command the trap; without it, pass on what
// `trapline command` sealed.
var DEVICE = "";
var COMMAND_KEY = "";

var VERSION = 1;
var PORT_UPLINK = 1;
var PORT_COMMAND = 2;
var EPOCH = 1704067200; // 2024-01-01 UTC
var FIXED = { 0: "Animalia", 1: "Homo sapiens", 2: "vehicle", 511: "not in the codebook" };
var FIRST_CODE = 3;
var LAST_CODE = 511;
var CLOCKS = ["unset", "rtc", "gps", "network"];
var RESETS = ["unknown", "power", "program", "command", "watchdog"];
var STRAINS = ["under-voltage", "under-voltage-before", "throttled", "throttled-before"];
var RESULTS = ["done", "trial", "kept", "reverted", "forged", "replayed", "expired", "noclock", "unknown", "invalid",
  "failed"];
var COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 30, 50, 100];
var NUMBER_WIDTHS = [0, 8, 14, 20];
var TIME_WIDTHS = [9, 15, 20, 30];
var SHORTEST = 34;
var DIGEST_LINES = 24;
var WHICH = ["empty", "sighting", "species", "taxon"];
var SEAL_BYTES = 8;
var COMMAND_MAX = 40;

var CUT = "the frame ends within a message; check that it was not cut";

// ---- The four functions that servers call.

function decodeUplink(input) {
  try {
    return uplink(input || {});
  } catch (error) {
    return { errors: ["the codec failed: " + error] };
  }
}

function encodeDownlink(input) {
  try {
    return downlink(input || {});
  } catch (error) {
    return { errors: ["the codec failed: " + error] };
  }
}

function decodeDownlink(input) {
  try {
    return command(input || {});
  } catch (error) {
    return { errors: ["the codec failed: " + error] };
  }
}

// What The Things Stack shows for any device: motion and battery.
function normalizeUplink(input) {
  var out = [];
  var messages = (input && input.data && input.data.messages) || [];
  for (var i = 0; i < messages.length; i++) {
    var m = messages[i];
    var one = {};
    if (m.time) {
      one.time = m.time;
    }
    if (m.type === "sighting") {
      one.action = { motion: { detected: true } };
      out.push(one);
    } else if (m.type === "health" && typeof m.battery_mv === "number") {
      one.battery = m.battery_mv / 1000;
      out.push(one);
    }
  }
  return { data: out };
}

// ---- Uplinks.

function uplink(input) {
  var bytes = input.bytes || [];
  if (input.fPort !== undefined && input.fPort !== null && input.fPort !== PORT_UPLINK) {
    return { errors: ["port " + input.fPort + " is not known here; frames come on " + PORT_UPLINK] };
  }
  if (!(bytes.length > 0)) {
    return { errors: ["there is nothing in it; give at least one message or byte"] };
  }
  var version = bytes[0] >> 4;
  if (version !== VERSION) {
    return { errors: ["frame version " + version + " is not known here (known: " + VERSION + "); update the decoder"] };
  }
  var found = { messages: [], cut: [], unread: [], skipped: 0, longer: 0 };
  var kind = bytes[0] & 15;
  if (kind === 1) {
    run(bytes, 1, bytes.length, found);
  } else if (kind === 2) {
    items(bytes, found);
  } else {
    found.skipped = 1;
  }
  return tell(found, input.variables || {});
}

// A row of items: tag, length, body.
function items(bytes, found) {
  var at = 1;
  while (at < bytes.length) {
    var tag = bytes[at];
    var end = at + 2 + bytes[at + 1];
    if (!(end <= bytes.length)) {
      found.cut.push(CUT);
      return;
    }
    if (tag === 1) {
      run(bytes, at + 2, end, found);
    } else if (BODIES.hasOwnProperty(tag)) {
      var r = { bytes: bytes, at: at + 2, end: end, bad: false };
      var message = BODIES[tag](r);
      if (r.bad) {
        found.unread.push("the item of tag " + tag +
          " cannot be read; update the decoder, or check that the frame was not damaged");
      } else {
        found.messages.push(message);
        found.longer += r.at < end ? 1 : 0;
      }
    } else {
      found.skipped++;
    }
    at = end;
  }
}

// A run of sightings in bytes[from..to].
function run(bytes, from, to, found) {
  var r = { bytes: bytes, at: from * 8, end: to * 8 };
  if (r.end - r.at < 80) {
    found.cut.push(CUT);
    return;
  }
  var s = { boot: bits(r, 7), number: bits(r, 20), clock: bits(r, 2), time: bits(r, 30) };
  found.messages.push(sighting(s, bits(r, 21)));
  while (r.end - r.at >= SHORTEST) {
    var width = NUMBER_WIDTHS[bits(r, 2)];
    // Behind the number come the time's class, its difference of 9 bits or more, and 21.
    if (r.end - r.at < width + 2) {
      found.cut.push(CUT);
      return;
    }
    s.number = (s.number + (width === 0 ? 1 : difference(r, width))) & 0xfffff;
    width = TIME_WIDTHS[bits(r, 2)];
    if (r.end - r.at < width + 21) {
      found.cut.push(CUT);
      return;
    }
    s.time = (s.time + difference(r, width)) & 0x3fffffff;
    found.messages.push(sighting(s, bits(r, 21)));
  }
}

function bits(r, width) {
  var value = 0;
  for (var i = 0; i < width; i++) {
    value = value * 2 + ((r.bytes[r.at >> 3] >> (7 - (r.at & 7))) & 1);
    r.at++;
  }
  return value;
}

// Two's complement.
function difference(r, width) {
  var value = bits(r, width);
  var half = 1 << (width - 1);
  return value >= half ? value - 2 * half : value;
}

function sighting(s, rest) {
  return {
    type: "sighting",
    boot: s.boot,
    number: s.number,
    at: { clock: s.clock, time: s.time },
    code: rest >> 12,
    score: Math.round(((rest >> 6) & 63) / 63 * 100) / 100,
    count: COUNTS[(rest >> 2) & 15],
    alert: (rest & 2) !== 0
  };
}

// Bodies of items by their tag, in postcard's encoding. What cannot be read sets r.bad.
var BODIES = {
  2: function (r) {
    return {
      type: "health",
      at: moment(r),
      boot: u32(r),
      next: u32(r),
      codebook: hex([byte(r), byte(r), byte(r), byte(r)]),
      uptime_s: u32(r),
      reset: choice(r, RESETS),
      version: byte(r) + "." + byte(r) + "." + byte(r),
      battery_mv: option(r, u16),
      temperature_c: option(r, signedByte),
      card_free_percent: option(r, byte),
      triggers: u32(r),
      empties: u32(r),
      suppressed: u32(r),
      failed: u32(r),
      waiting: u32(r)
    };
  },
  3: function (r) {
    var day = u16(r);
    var digest = {
      type: "digest",
      day: iso(EPOCH + day * 86400).slice(0, 10),
      day_s: EPOCH + day * 86400,
      part: byte(r),
      parts: byte(r),
      effort_min: u16(r),
      triggers: u16(r),
      empties: u16(r),
      lines: []
    };
    var lines = varint(r, 10, 1);
    if (lines > DIGEST_LINES) {
      r.bad = true;
    }
    for (var i = 0; i < lines && !r.bad; i++) {
      var line = { code: u16(r), hours: [] };
      var hours = byte(r) * 0x10000 + byte(r) * 0x100 + byte(r);
      for (var h = 0; h < 24; h++) {
        if ((hours >> h) & 1) {
          line.hours.push(h);
        }
      }
      line.events = u16(r);
      line.folded = u16(r);
      if (line.code > LAST_CODE) {
        r.bad = true;
      }
      digest.lines.push(line);
    }
    return digest;
  },
  4: function (r) {
    return {
      type: "lost", expired: u32(r), refused: u32(r), bursts: u32(r), captures: u32(r), damaged: u32(r),
      commands: u32(r)
    };
  },
  5: function (r) {
    var ack = { type: "ack", counter: u32(r), result: choice(r, RESULTS) };
    if (r.at < r.end) {
      ack.number = u32(r);
    }
    return ack;
  },
  6: function (r) {
    var boot = u32(r);
    var started = i64(r);
    return {
      type: "anchor", boot: boot, started: iso(started), started_s: started, shift_s: i32(r), before: u32(r),
      clock: choice(r, CLOCKS)
    };
  },
  7: function (r) {
    return {
      type: "power",
      at: moment(r),
      boot: u32(r),
      next: u32(r),
      battery_percent: option(r, byte),
      battery_ma: option(r, i32),
      strain: strain(option(r, byte)),
      lux: option(r, u32),
      gauge_failures: u32(r),
      unjudged: u32(r),
      alarms_unverified: u32(r)
    };
  }
};

// Two bits of clock, 30 of time, big-endian.
function moment(r) {
  var at = byte(r) * 0x1000000 + byte(r) * 0x10000 + byte(r) * 0x100 + byte(r);
  return { clock: Math.floor(at / 0x40000000), time: at % 0x40000000 };
}

// The words for the bits, from the lowest.
function strain(bits) {
  if (bits === null) {
    return null;
  }
  var words = [];
  for (var i = 0; i < STRAINS.length; i++) {
    if ((bits >> i) & 1) {
      words.push(STRAINS[i]);
    }
  }
  return words;
}

// ---- postcard: little-endian varints, signed ones zigzag.

function byte(r) {
  if (r.at >= r.end) {
    r.bad = true;
    return 0;
  }
  return r.bytes[r.at++];
}

// At most `most` bytes, of which the last is at most `last`.
function varint(r, most, last) {
  var value = 0;
  var scale = 1;
  for (var i = 0; i < most; i++) {
    var b = byte(r);
    value += (b & 127) * scale;
    scale *= 128;
    if (b < 128) {
      if (i === most - 1 && b > last) {
        r.bad = true;
      }
      return value;
    }
  }
  r.bad = true;
  return 0;
}

function u16(r) {
  return varint(r, 3, 3);
}

function u32(r) {
  return varint(r, 5, 15);
}

function i32(r) {
  var value = u32(r);
  return value % 2 ? -(value + 1) / 2 : value / 2;
}

// Digits as text where a number could not hold them.
function i64(r) {
  var groups = [];
  for (var more = true; more;) {
    var b = byte(r);
    groups.push(b & 127);
    more = b > 127;
    if (groups.length === 10 && b > 1) {
      r.bad = true;
      more = false;
    }
  }
  // Base 10^7, least significant first.
  var limbs = [0];
  var i;
  for (var g = groups.length - 1; g >= 0; g--) {
    var carry = groups[g];
    for (i = 0; i < limbs.length || carry > 0; i++) {
      carry += (limbs[i] || 0) * 128;
      limbs[i] = carry % 1e7;
      carry = Math.floor(carry / 1e7);
    }
  }
  var negative = limbs[0] % 2 === 1;
  var left = 0;
  limbs[0] += negative ? 1 : 0;
  var digits = "";
  for (i = limbs.length - 1; i >= 0; i--) {
    left = left * 1e7 + limbs[i];
    digits += ("0000000" + Math.floor(left / 2)).slice(-7);
    left %= 2;
  }
  digits = digits.replace(/^0+(?=[0-9])/, "");
  var size = Number(digits);
  if (size <= 9007199254740991) {
    return negative ? -size : size;
  }
  return (negative ? "-" : "") + digits;
}

function signedByte(r) {
  var value = byte(r);
  return value > 127 ? value - 256 : value;
}

function option(r, read) {
  var there = byte(r);
  if (there > 1) {
    r.bad = true;
  }
  return there === 1 ? read(r) : null;
}

function choice(r, names) {
  var index = u32(r);
  if (index >= names.length) {
    r.bad = true;
  }
  return names[index];
}

// ---- What was found, told: times put right, species named, unknowns counted.

function tell(found, variables) {
  var anchors = [];
  var books = [];
  var i;
  for (i = 0; i < found.messages.length; i++) {
    if (found.messages[i].type === "anchor") {
      addAnchor(anchors, found.messages[i]);
    }
    if (found.messages[i].type === "health") {
      books.push(found.messages[i].codebook);
    }
  }
  var warnings = [];
  var book = codebook(variables, books, warnings);
  for (i = 0; i < found.messages.length; i++) {
    var m = found.messages[i];
    if (m.at) {
      when(m, resolve(anchors, m.boot, m.next === undefined ? m.number : m.next, m.at));
      delete m.at;
    }
    if (m.type === "sighting") {
      m.species = species(book, m.code);
    }
    for (var l = 0; m.lines && l < m.lines.length; l++) {
      m.lines[l].species = species(book, m.lines[l].code);
    }
  }
  // A frame that was cut is not to be trusted. One item that a later version wrote must not hide the others.
  var errors = found.cut;
  if (found.messages.length === 0) {
    errors = errors.concat(found.unread);
  } else {
    warnings = warnings.concat(found.unread);
  }
  if (found.skipped + found.longer > 0) {
    warnings.push(found.skipped + " skipped and " + found.longer + " read in part: of a later version; update");
  }
  var out = {};
  if (found.messages.length > 0 || errors.length === 0) {
    out.data = { messages: found.messages };
  }
  if (warnings.length > 0) {
    out.warnings = warnings;
  }
  if (errors.length > 0) {
    out.errors = errors;
  }
  return out;
}

// Messages may come twice; an anchor counts once.
function addAnchor(anchors, a) {
  for (var i = 0; i < anchors.length; i++) {
    var b = anchors[i];
    if (a.boot === b.boot && a.started_s === b.started_s && a.shift_s === b.shift_s && a.before === b.before &&
      a.clock === b.clock) {
      return;
    }
  }
  anchors.push(a);
}

// Whether event number a is before b, by their low 20 bits.
function earlier(a, b) {
  var ahead = (b - a) & 0xfffff;
  return ahead > 0 && ahead < 0x80000;
}

// The right time of what was told at `at`, as far as the anchors of its boot in this frame say.
function resolve(anchors, boot, number, at) {
  var seconds = EPOCH + at.time;
  var newest = null;
  for (var i = 0; i < anchors.length; i++) {
    var a = anchors[i];
    if ((a.boot & 127) !== (boot & 127) || (at.clock !== 0 && !earlier(number, a.before))) {
      continue;
    }
    seconds += a.shift_s;
    if (newest === null || !earlier(a.before, newest.before)) {
      newest = a;
    }
  }
  if (at.clock !== 0) {
    return { seconds: seconds, clock: newest ? newest.clock : CLOCKS[at.clock] };
  }
  if (newest === null) {
    return { since: at.time };
  }
  return { seconds: typeof newest.started_s === "number" ? newest.started_s + at.time : NaN, clock: newest.clock };
}

function when(m, at) {
  m.time = at.since === undefined ? iso(at.seconds) : null;
  m.time_s = m.time === null ? null : at.seconds;
  m.clock = at.clock || "unset";
  if (at.since !== undefined) {
    m.since_boot_s = at.since;
  }
}

// RFC 3339, which has the years 0 to 9999 and no other.
function iso(seconds) {
  if (!(seconds >= -62167219200 && seconds <= 253402300799)) {
    return null;
  }
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function species(book, code) {
  if (FIXED.hasOwnProperty(code)) {
    return FIXED[code];
  }
  return book && book.length > code - FIRST_CODE ? book[code - FIRST_CODE] : null;
}

// The user's names; none where the trap uses other ones.
function codebook(variables, books, warnings) {
  var names = CODEBOOK;
  if (typeof variables.codebook === "string" && variables.codebook !== "") {
    names = [];
    var parts = variables.codebook.replace(/#[^\n]*/g, "").split(/[\n,;]/);
    for (var p = 0; p < parts.length; p++) {
      var name = parts[p].replace(/^\s+|\s+$/g, "");
      if (name !== "") {
        names.push(name);
      }
    }
  }
  if (names.length === 0) {
    return null;
  }
  for (var i = 1; i < names.length; i++) {
    if (!(names[i - 1] < names[i])) {
      warnings.push("name " + (i + 1) +
        " of the codebook does not come after the one before; sort the names, each once: codes, not names");
      return null;
    }
  }
  for (var b = 0; b < books.length; b++) {
    var ours = hex(sha256(utf8(names.join("\n") + "\n")).slice(0, 4));
    if (ours !== books[b]) {
      warnings.push("the trap's codebook is " + books[b] + ", the one here " + ours + ": codes, not names");
      return null;
    }
  }
  return names;
}

// ---- Commands.

// Takes { sealed: "01..." } as `trapline command` prints it, or the command's fields, which it seals:
// { counter: 7, command: "threshold", which: "sighting", value: 0.8 } and, if not 24 hours from now, one of
// expires (RFC 3339), expires_s (seconds since 1970) and expires_hours (from now).
function downlink(input) {
  var data = input.data || {};
  if (typeof data.sealed === "string") {
    return sealed(data.sealed);
  }
  var variables = input.variables || {};
  var device = variables.device || DEVICE;
  var key = unhex(variables.command_key || COMMAND_KEY);
  if (device === "" || key === null || key.length === 0) {
    return { errors: ["give { \"sealed\": \"01...\" }, made by `trapline command`; to seal here, set device and command_key"] };
  }
  if (key.length < 16 || key.length > 64) {
    return { errors: ["a key of " + key.length + " bytes; give 16 to 64 bytes, 32 is best"] };
  }
  var body = order(data);
  if (typeof body === "string") {
    return { errors: [body] };
  }
  var mac = hmac(key, utf8(device).concat([0], body));
  return { bytes: body.concat(mac.slice(0, SEAL_BYTES)), fPort: PORT_COMMAND };
}

function sealed(text) {
  var bytes = unhex(text.replace(/[\s:]/g, ""));
  if (bytes === null) {
    return { errors: ["sealed must be the hexadecimal digits that `trapline command` prints"] };
  }
  var read = command({ bytes: bytes, fPort: PORT_COMMAND });
  if (bytes.length > COMMAND_MAX || (read.errors && !read.unknown)) {
    return { errors: read.errors || ["a sealed command has at most " + COMMAND_MAX + " bytes"] };
  }
  var out = { bytes: bytes, fPort: PORT_COMMAND };
  // The trap may be of a later version than this file.
  if (read.errors) {
    out.warnings = read.errors;
  }
  return out;
}

// The bytes before the seal, or what is wrong.
function order(data) {
  if (!whole(data.counter, 0, 4294967295)) {
    return "counter must be a whole number, greater than that of every command before";
  }
  var expires = data.expires_s;
  if (typeof data.expires === "string") {
    expires = Math.floor(Date.parse(data.expires) / 1000);
  } else if (expires === undefined || expires === null) {
    var hours = data.expires_hours === undefined ? 24 : data.expires_hours;
    expires = Math.floor(new Date().getTime() / 1000 + hours * 3600);
  }
  if (!whole(expires, EPOCH, EPOCH + 4294967295)) {
    return "expires must be a time after 2024-01-01, expires_s seconds since 1970, or expires_hours a number";
  }
  var out = [VERSION];
  putVarint(out, data.counter);
  putVarint(out, expires - EPOCH);
  var wrong = COMMANDS.hasOwnProperty(data.command) ? COMMANDS[data.command](out, data) :
    "command must be threshold, rule, status, picture, mark, reboot, time, received or burst";
  return wrong || out;
}

var COMMANDS = {
  threshold: function (out, data) {
    var which = WHICH.indexOf(data.which);
    if (which < 0) {
      return "which must be empty, sighting, species or taxon";
    }
    out.push(0, which);
    if (which === 3) {
      if (!whole(data.code, 0, LAST_CODE)) {
        return "code must be 0 to 511";
      }
      putVarint(out, data.code);
    }
    if (!(typeof data.value === "number" && data.value >= 0 && data.value <= 1)) {
      return "value must be 0 to 1";
    }
    putVarint(out, Math.round(data.value * 1000));
  },
  rule: function (out, data) {
    if (!whole(data.index, 0, 255) || typeof data.on !== "boolean") {
      return "index must be 0 to 255, and on true or false";
    }
    out.push(1, data.index, data.on ? 1 : 0);
  },
  status: function (out) {
    out.push(2);
  },
  picture: function (out, data) {
    var number = data.number === undefined ? 0 : data.number;
    if (!whole(number, 0, 4294967295)) {
      return "number must be that of an event, or 0 for the latest";
    }
    out.push(3);
    putVarint(out, number);
  },
  mark: function (out, data) {
    if (!(Math.abs(data.latitude) <= 90 && Math.abs(data.longitude) <= 180)) {
      return "latitude must be within 90 degrees and longitude within 180";
    }
    out.push(4);
    putZigzag(out, steps(data.latitude));
    putZigzag(out, steps(data.longitude));
  },
  reboot: function (out) {
    out.push(5);
  },
  time: function (out, data) {
    var seconds = data.time_s;
    if (seconds === undefined || seconds === null) {
      var time = typeof data.time === "string" ? Date.parse(data.time) : new Date().getTime();
      seconds = Math.floor(time / 1000);
    }
    if (!whole(seconds, -9007199254740991, 9007199254740991)) {
      return "time must be RFC 3339, or time_s seconds since 1970";
    }
    out.push(6);
    putZigzag(out, seconds);
  },
  received: function (out, data) {
    var missing = data.missing === undefined ? 0 : data.missing;
    if (!whole(data.upto, 0, 4294967295) || !whole(missing, 0, 4294967295)) {
      return "upto must be the number of an event, and missing bits: bit n stands for upto - n";
    }
    out.push(7);
    putVarint(out, data.upto);
    putVarint(out, missing);
  },
  burst: function (out) {
    out.push(8);
  }
};

function whole(value, least, most) {
  return typeof value === "number" && value >= least && value <= most && Math.floor(value) === value;
}

// Millionths of a degree, halves away from zero.
function steps(degrees) {
  var size = Math.round(Math.abs(degrees) * 1e6);
  return degrees < 0 ? -size : size;
}

function putVarint(out, value) {
  while (value > 127) {
    out.push(128 + value % 128);
    value = Math.floor(value / 128);
  }
  out.push(value);
}

// The sign goes to the lowest bit. The other six of the first byte come apart, since twice a large number is no
// longer exact.
function putZigzag(out, value) {
  var size = value < 0 ? -value - 1 : value;
  var low = size % 64 * 2 + (value < 0 ? 1 : 0);
  size = Math.floor(size / 64);
  if (size === 0) {
    out.push(low);
  } else {
    out.push(128 + low);
    putVarint(out, size);
  }
}

// What a sealed command says; its seal is shown and not checked: that is the trap's to do.
function command(input) {
  var bytes = input.bytes || [];
  if (input.fPort !== undefined && input.fPort !== null && input.fPort !== PORT_COMMAND) {
    return { errors: ["port " + input.fPort + " is not known here; commands go down on " + PORT_COMMAND] };
  }
  var forged = { errors: ["the seal is not that of this trap's key; check key and device name"] };
  var r = { bytes: bytes, at: 1, end: bytes.length - SEAL_BYTES, bad: false };
  if (!(r.end >= 1)) {
    return forged;
  }
  if (bytes[0] !== VERSION) {
    return { errors: ["command version " + bytes[0] + " is not known here (known: " + VERSION + "); update the trap"] };
  }
  var out = { counter: u32(r) };
  if (r.bad) {
    return forged;
  }
  out.expires_s = EPOCH + u32(r);
  out.expires = iso(out.expires_s);
  fields(r, out);
  if (r.bad) {
    return {
      errors: ["command " + out.counter + " is not one this version knows; update the trap"],
      unknown: true
    };
  }
  out.seal = hex(Array.prototype.slice.call(bytes, r.end));
  return { data: out };
}

function fields(r, out) {
  var names = ["threshold", "rule", "status", "picture", "mark", "reboot", "time", "received", "burst"];
  out.command = choice(r, names);
  switch (out.command) {
    case "threshold":
      out.which = choice(r, WHICH);
      if (out.which === "taxon") {
        out.code = u16(r);
        r.bad = r.bad || out.code > LAST_CODE;
      }
      out.value = u16(r) / 1000;
      break;
    case "rule":
      out.index = byte(r);
      var on = byte(r);
      r.bad = r.bad || on > 1;
      out.on = on === 1;
      break;
    case "picture":
      out.number = u32(r);
      break;
    case "mark":
      out.latitude = i32(r) / 1e6;
      out.longitude = i32(r) / 1e6;
      break;
    case "time":
      out.time_s = i64(r);
      out.time = iso(out.time_s);
      break;
    case "received":
      out.upto = u32(r);
      out.missing = u32(r);
      break;
  }
}

// ---- Bytes and SHA-256 (FIPS 180-4), HMAC (RFC 2104).

function hex(bytes) {
  var text = "";
  for (var i = 0; i < bytes.length; i++) {
    text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  }
  return text;
}

// null for what is not hexadecimal.
function unhex(text) {
  if (typeof text !== "string" || text.length % 2 === 1 || /[^0-9a-fA-F]/.test(text)) {
    return null;
  }
  var bytes = [];
  for (var i = 0; i < text.length; i += 2) {
    bytes.push(parseInt(text.slice(i, i + 2), 16));
  }
  return bytes;
}

function utf8(text) {
  var out = [];
  for (var i = 0; i < text.length; i++) {
    var c = text.charCodeAt(i);
    var low = text.charCodeAt(i + 1);
    if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      c = 0x10000 + (c - 0xd800) * 0x400 + (low - 0xdc00);
      i++;
    }
    if (c < 0x80) {
      out.push(c);
    } else if (c < 0x800) {
      out.push(0xc0 | c >> 6, 0x80 | c & 63);
    } else if (c < 0x10000) {
      out.push(0xe0 | c >> 12, 0x80 | c >> 6 & 63, 0x80 | c & 63);
    } else {
      out.push(0xf0 | c >> 18, 0x80 | c >> 12 & 63, 0x80 | c >> 6 & 63, 0x80 | c & 63);
    }
  }
  return out;
}

// The first 32 bits of the fraction of a root of a prime.
function rootBits(prime, root) {
  var value = Math.pow(prime, 1 / root);
  return Math.floor((value - Math.floor(value)) * 4294967296) | 0;
}

function primes(count) {
  var found = [];
  for (var n = 2; found.length < count; n++) {
    var prime = true;
    for (var i = 0; i < found.length; i++) {
      prime = prime && n % found[i] !== 0;
    }
    if (prime) {
      found.push(n);
    }
  }
  return found;
}

function turn(value, by) {
  return value >>> by | value << (32 - by);
}

function sha256(message) {
  var all = primes(64);
  var k = [];
  var h = [];
  var i;
  var t;
  for (i = 0; i < 64; i++) {
    k[i] = rootBits(all[i], 3);
    if (i < 8) {
      h[i] = rootBits(all[i], 2);
    }
  }
  var bytes = message.concat([0x80]);
  while (bytes.length % 64 !== 56) {
    bytes.push(0);
  }
  // No message here is as long as 2^29 bytes.
  var length = message.length * 8;
  bytes.push(0, 0, 0, 0, length >>> 24, length >>> 16 & 255, length >>> 8 & 255, length & 255);
  var w = [];
  for (var block = 0; block < bytes.length; block += 64) {
    var v = h.slice(0);
    for (t = 0; t < 64; t++) {
      if (t < 16) {
        i = block + t * 4;
        w[t] = bytes[i] << 24 | bytes[i + 1] << 16 | bytes[i + 2] << 8 | bytes[i + 3];
      } else {
        var a = w[t - 15];
        var b = w[t - 2];
        w[t] = (turn(a, 7) ^ turn(a, 18) ^ a >>> 3) + (turn(b, 17) ^ turn(b, 19) ^ b >>> 10) + w[t - 16] + w[t - 7] | 0;
      }
      var e = v[4];
      var t1 = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & v[5] ^ ~e & v[6]) + k[t] + w[t];
      var t2 = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + (v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]);
      v = [t1 + t2 | 0, v[0], v[1], v[2], v[3] + t1 | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i++) {
      h[i] = h[i] + v[i] | 0;
    }
  }
  var out = [];
  for (i = 0; i < 8; i++) {
    out.push(h[i] >>> 24, h[i] >>> 16 & 255, h[i] >>> 8 & 255, h[i] & 255);
  }
  return out;
}

// Keys of at most 64 bytes.
function hmac(key, message) {
  var inner = [];
  var outer = [];
  for (var i = 0; i < 64; i++) {
    inner.push((key[i] || 0) ^ 0x36);
    outer.push((key[i] || 0) ^ 0x5c);
  }
  return sha256(outer.concat(sha256(inner.concat(message))));
}
