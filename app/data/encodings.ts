/**
 * @file Which encoding a text that is not UTF-8 is in. Every candidate decodes a sample, and what comes out is judged as
 * writing: letters of one alphabet that its languages use, capitals where words begin, no signs inside words. For East
 * Asian ones a library's letter statistics count too.
 */
import { analyse } from 'chardet';

/** Bytes that are looked at. */
const SAMPLE = 64 * 1024;
/** As if so many more letters said nothing: a handful of them is no proof. */
const FEW = 1.5;

/** Characters 0x80–0x9f of Windows-1252; the five that it leaves undefined stay as they are. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

interface Alphabet {
  /** Lower-case letters beyond ASCII that stand for most of such a text. */
  common: string;
  /** Letters that are not seldom. */
  usual?: string;
  /** The others. */
  rare?: string;
}

/** An encoding. */
interface Encoding {
  label: string;
  name: string;
  /** How much more often than others files come in it; it decides where a text has next to no letters that tell. */
  prior: number;
}

interface SingleByte extends Encoding {
  alphabets: Alphabet[];
}

const LATIN_WEST: Alphabet[] = [
  { common: 'éèêëàâçîïôùûüœæÿ' },
  { common: 'äöüßé' },
  { common: 'áéíóúüñ', rare: 'ª' },
  { common: 'áâãàçéêíóôõú' },
  { common: 'àèéìíîòóù' },
  { common: 'åäöæøéü' },
  { common: 'áéíóúæö', rare: 'þðý' },
];
const RUSSIAN: Alphabet = { common: 'оеаинтсрвл', usual: 'кмдпуяыьгзбч', rare: 'йхжшюцщэфёъіїєґў' };

const SINGLE: SingleByte[] = [
  { label: 'windows-1252', name: 'Windows-1252 (Western European)', prior: 0.12, alphabets: LATIN_WEST },
  {
    label: 'windows-1250',
    name: 'Windows-1250 (Central European)',
    prior: 0.05,
    alphabets: [
      { common: 'ąćęłńóśźż' },
      { common: 'áčďéěíňóřšťúůýž' },
      { common: 'áéíóöőúüű' },
      { common: 'ăâîșțşţ' },
      { common: 'čćđšž' },
      { common: 'áäčďéíĺľňóôŕšťúýž' },
    ],
  },
  { label: 'windows-1251', name: 'Windows-1251 (Cyrillic)', prior: 0.08, alphabets: [RUSSIAN] },
  { label: 'koi8-r', name: 'KOI8-R (Cyrillic)', prior: -0.05, alphabets: [RUSSIAN] },
  { label: 'ibm866', name: 'IBM 866 (Cyrillic, DOS)', prior: -0.1, alphabets: [RUSSIAN] },
  { label: 'x-mac-cyrillic', name: 'Mac Cyrillic', prior: -0.15, alphabets: [RUSSIAN] },
  { label: 'macintosh', name: 'Mac Roman', prior: 0.05, alphabets: LATIN_WEST },
  {
    label: 'windows-1253',
    name: 'Windows-1253 (Greek)',
    prior: 0.02,
    alphabets: [{ common: 'αοιετσνηυρ', usual: 'πκμλωάόίέήύς', rare: 'γδβχθφξζψώϊϋΐΰ' }],
  },
  {
    label: 'windows-1254',
    name: 'Windows-1254 (Turkish)',
    prior: 0.04,
    alphabets: [{ common: 'çğıöşüİâîû' }],
  },
  {
    label: 'windows-1255',
    name: 'Windows-1255 (Hebrew)',
    prior: 0.02,
    alphabets: [{ common: 'יוהלאתרשמ', usual: 'בנחקפדםע', rare: 'גכזטסצךןףץ' }],
  },
  {
    label: 'windows-1256',
    name: 'Windows-1256 (Arabic)',
    prior: 0.02,
    alphabets: [{ common: 'اليمنوترهب', usual: 'ةسعدفقحكجأ', rare: 'ىصشخطضغثظزذءئآإؤپچژگ' }],
  },
  {
    label: 'windows-1257',
    name: 'Windows-1257 (Baltic)',
    prior: 0,
    alphabets: [{ common: 'ąčęėįšųūž' }, { common: 'āčēģīķļņšūž' }, { common: 'äöõüšž' }],
  },
  {
    label: 'windows-874',
    name: 'Windows-874 (Thai)',
    prior: -0.1,
    alphabets: [{ common: 'านรอกเงมยลวดทสตะปบคหแจพชขใไโผซุูิีึืำั่้็์', rare: 'ธณถภษศญฐฎฏฆฟฝฉฌฒฮฬๆฯ' }],
  },
];

interface DoubleByte extends Encoding {
  /** Its name in the library. */
  library: string;
  /** Whether a pair of bytes is one of the letters that most texts are made of. */
  common(lead: number, trail: number): boolean;
  /** What such a letter counts: the fewer of them there are, the more it says. */
  weight: number;
}

const DOUBLE: DoubleByte[] = [
  {
    label: 'shift_jis',
    name: 'Shift-JIS (Japanese)',
    prior: 0.1,
    library: 'Shift_JIS',
    weight: 0.95,
    common: (lead, trail) =>
      (lead === 0x82 && trail >= 0x4f) ||
      (lead === 0x83 && trail <= 0x96) ||
      lead === 0x81 ||
      (lead >= 0x88 && lead <= 0x97),
  },
  {
    label: 'gb18030',
    name: 'GBK (simplified Chinese)',
    prior: 0.16,
    library: 'GB18030',
    weight: 0.8,
    common: (lead, trail) =>
      trail >= 0xa1 && ((lead >= 0xb0 && lead <= 0xd7) || lead === 0xa1 || lead === 0xa3),
  },
  {
    label: 'euc-kr',
    name: 'EUC-KR (Korean)',
    prior: 0.06,
    library: 'EUC-KR',
    weight: 0.92,
    common: (lead, trail) => trail >= 0xa1 && lead >= 0xb0 && lead <= 0xc8,
  },
  {
    label: 'big5',
    name: 'Big5 (traditional Chinese)',
    prior: 0.06,
    library: 'Big5',
    weight: 0.8,
    common: (lead) => lead >= 0xa4 && lead <= 0xc6,
  },
  {
    label: 'euc-jp',
    name: 'EUC-JP (Japanese)',
    prior: 0.02,
    library: 'EUC-JP',
    weight: 0.9,
    common: (lead, trail) =>
      trail >= 0xa1 && (lead === 0xa1 || lead === 0xa4 || lead === 0xa5 || (lead >= 0xb0 && lead <= 0xcf)),
  },
];

const NAMES = new Map<string, string>([
  ['utf-8', 'UTF-8'],
  ['utf-16le', 'UTF-16'],
  ['utf-16be', 'UTF-16 (big-endian)'],
  ...[...SINGLE, ...DOUBLE].map(({ label, name }) => [label, name] as const),
]);

/** What a person calls an encoding. */
export function encodingName(label: string): string {
  return NAMES.get(label) ?? label;
}

/** Every encoding that can be chosen by hand. */
export const ENCODINGS: readonly string[] = [...NAMES.keys()];

/** Encodings that the bytes allow, likeliest first; at least Windows-1252. `bytes` are no UTF-8. */
export function rankEncodings(bytes: Uint8Array): string[] {
  const sample = interestingPart(bytes);
  const confidence = new Map(
    analyse(sample).map(({ name, confidence }) => [name.toLowerCase(), confidence / 100]),
  );
  const scores = [
    ...SINGLE.map(({ label, alphabets, prior }) => ({
      label,
      // Frequency statistics of a short text say little; they only tip the scales.
      score: judge(decode(label, sample), alphabets) + prior + 0.1 * (confidence.get(label) ?? 0),
    })),
    ...DOUBLE.map((encoding) => ({
      label: encoding.label,
      score:
        judgePairs(encoding, sample) +
        encoding.prior +
        0.4 * (confidence.get(encoding.library.toLowerCase()) ?? 0),
    })),
  ];
  const ranked = scores.filter(({ score }) => score > 0.1).sort((a, b) => b.score - a.score);
  const labels = ranked.map(({ label }) => label);
  return labels.includes('windows-1252') ? labels : [...labels, 'windows-1252'];
}

/** Lines with bytes beyond ASCII, as many as fit the sample. */
function interestingPart(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= SAMPLE) return bytes;
  const sample = new Uint8Array(SAMPLE);
  let filled = 0;
  for (let start = 0; start < bytes.length && filled < SAMPLE; ) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(start, Math.min(end, start + SAMPLE - filled));
    if (line.some((byte) => byte >= 0x80)) {
      sample.set(line, filled);
      filled += line.length;
    }
    start = end;
  }
  return sample.subarray(0, filled);
}

/** The text in an encoding; with `fatal` a TypeError where the bytes do not allow it, else U+FFFD there. */
export function decodeLabel(bytes: Uint8Array, label: string, fatal = false): string {
  const text = new TextDecoder(label, { fatal }).decode(bytes);
  if (label !== 'windows-1252') return text;
  // Some versions of Node decode Windows-1252 as Latin-1; their control characters are put right here.
  return text.replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]);
}

/** The text, null where the bytes do not allow it. */
function decode(label: string, bytes: Uint8Array): string | null {
  try {
    return decodeLabel(bytes, label, true);
  } catch {
    return null;
  }
}

/** How much like writing a text is, at most about 1; below 0 where it is none. */
function judge(text: string | null, alphabets: readonly Alphabet[]): number {
  if (text === null) return -1;
  const beyond = text.match(/[^\0-\x7f]/g);
  if (!beyond) return 0;
  const wrong = count(text, /[\u0080-\u009f\ufffd\ue000-\uf8ff]/g) * 2 + faultsInWords(text);
  const letters = beyond.join('').toLowerCase();
  let best = 0;
  for (const { common, usual = '', rare = '' } of alphabets) {
    let sum = 0;
    for (const letter of letters) {
      if (common.includes(letter)) sum += 1;
      else if (usual.includes(letter)) sum += 0.8;
      else if (rare.includes(letter)) sum += 0.3;
      // Signs of any language: quotation marks, dashes, currencies.
      else if (/[\p{P}\p{Sc}\s°©®™№]/u.test(letter)) sum += 0.5;
    }
    best = Math.max(best, sum);
  }
  // Texts in capitals throughout are rare; those of a wrong alphabet often come out so.
  const shouted = /\p{Lu}/u.test(beyond.join('')) && !/\p{Ll}/u.test(beyond.join('')) ? 0.15 : 0;
  return (best - 1.5 * wrong) / (beyond.length + FEW) - shouted;
}

/** What words never have: a capital after a small letter, letters of two scripts, a sign or a final letter inside. */
function faultsInWords(text: string): number {
  let faults = count(text, /\p{Ll}(?=\p{Lu})/gu);
  faults += count(text, /\p{L}[\p{S}\p{No}¡¿‡†•…–—‚„‹›«»ªº](?=\p{L})/gu);
  faults += count(text, /[\p{Ll}][¹²³¼½¾£¥§¶¬±µ¿¡](?![\p{L}\p{N}])/gu);
  faults += count(
    text,
    /[A-Za-z](?=[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Thai}])/gu,
  );
  faults += count(
    text,
    /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Thai}](?=[A-Za-zÀ-ɏ])/gu,
  );
  faults += count(text, /[ςךםןףץ](?=\p{L})/gu);
  faults += count(text, /(?<![\p{L}\p{M}])\p{M}/gu);
  // Words have vowels, and none begins with a Russian hard or soft sign.
  faults += count(text, /(?<!\p{L})[бвгджзйклмнпрстфхцчшщъь]{4,}(?!\p{L})/giu);
  faults += count(text, /(?<!\p{L})[ъьы]/giu);
  faults += count(text, /(?<!\p{L})[βγδζθκλμνξπρστφχψς]{4,}(?!\p{L})/giu);
  // Words of Latin letters are mostly ASCII.
  faults += count(text, /[À-ÖØ-öø-ɏ]{4}/g);
  return faults;
}

function judgePairs({ label, common, weight }: DoubleByte, bytes: Uint8Array): number {
  const strict = decode(label, bytes);
  // A sample may end inside a pair.
  const text = strict ?? decode(label, bytes.subarray(0, -1));
  if (text === null) return -1;
  let pairs = 0;
  let good = 0;
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i];
    if (lead < 0x80 || (label === 'shift_jis' && lead >= 0xa1 && lead <= 0xdf)) {
      if (lead >= 0x80) pairs += 0.5;
      continue;
    }
    pairs++;
    if (i + 1 < bytes.length && common(lead, bytes[i + 1])) good++;
    i++;
  }
  return pairs === 0 ? -1 : weight * (good / (pairs + FEW / 3));
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
