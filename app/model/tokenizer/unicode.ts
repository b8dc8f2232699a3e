/** @file Classes of characters as the Rust and Oniguruma libraries have them, in JavaScript's patterns with the flag `v`. */

/** What Rust and Oniguruma call white space: JavaScript's own `\s` has U+FEFF and lacks U+0085. */
export const WHITE_SPACE = '\\p{White_Space}';
/** `\w` of Rust's patterns. */
export const RUST_WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200c\\u200d]';
/** `\w` of Oniguruma's within brackets; outside of them six more characters of Latin-1 are words. */
export const WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]';
export const LONE_WORD = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}²³¹¼-¾]';
/** Punctuation in the sense of BERT: that of Unicode, and all of ASCII's signs. */
export const BERT_PUNCTUATION = '[\\p{P}\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e]';

/** POSIX classes within brackets. */
export const POSIX: Readonly<Record<string, string>> = {
  alnum: '[\\p{Alphabetic}\\p{Nd}]',
  alpha: '\\p{Alphabetic}',
  ascii: '[\\x00-\\x7f]',
  blank: '[\\p{Zs}\\t]',
  cntrl: '\\p{Cc}',
  digit: '\\p{Nd}',
  graph: '[[\\x00-\\u{10ffff}]--[\\p{White_Space}\\p{Cc}\\p{Cn}\\p{Cs}]]',
  lower: '\\p{Lowercase}',
  print: '[[\\x00-\\u{10ffff}]--[\\p{Cc}\\p{Cn}\\p{Cs}\\p{Zl}\\p{Zp}]]',
  punct: '[\\p{P}\\p{S}]',
  space: WHITE_SPACE,
  upper: '\\p{Uppercase}',
  word: WORD,
  xdigit: '[0-9a-fA-F]',
};

/** Names after `\p` that are not Unicode's. */
const OWN_PROPERTIES: Readonly<Record<string, string>> = {
  ...POSIX,
  any: '[\\x00-\\u{10ffff}]',
  assigned: '\\P{Cn}',
  punct: '\\p{P}',
};

const CATEGORIES =
  'C Cc Cf Cn Co Cs L LC Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Letter Cased_Letter Uppercase_Letter Lowercase_Letter Titlecase_Letter Modifier_Letter Other_Letter Mark Nonspacing_Mark Spacing_Mark Enclosing_Mark Number Decimal_Number Letter_Number Other_Number Punctuation Connector_Punctuation Dash_Punctuation Open_Punctuation Close_Punctuation Initial_Punctuation Final_Punctuation Other_Punctuation Symbol Math_Symbol Currency_Symbol Modifier_Symbol Other_Symbol Separator Space_Separator Line_Separator Paragraph_Separator Other Control Format Surrogate Private_Use Unassigned Alphabetic Uppercase Lowercase White_Space Math Ideographic ID_Start ID_Continue XID_Start XID_Continue Emoji Emoji_Presentation Emoji_Modifier Emoji_Modifier_Base Emoji_Component Extended_Pictographic Dash Diacritic Extender Grapheme_Base Grapheme_Extend Hex_Digit ASCII_Hex_Digit Default_Ignorable_Code_Point Join_Control Noncharacter_Code_Point Pattern_Syntax Pattern_White_Space Quotation_Mark Radical Regional_Indicator Sentence_Terminal Soft_Dotted Terminal_Punctuation Unified_Ideograph Variation_Selector Cased Case_Ignorable'.split(
    ' ',
  );

/** Unicode's scripts by their names in JavaScript. */
export const SCRIPTS =
  'Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square'.split(
    ' ',
  );

const bare = (name: string) => name.toLowerCase().replace(/[-_ ]/g, '');
const properties = new Map<string, string>([
  ...CATEGORIES.map((name) => [bare(name), `\\p{${name}}`] as const),
  ...SCRIPTS.map((name) => [bare(name), `\\p{Script=${name}}`] as const),
  ...Object.entries(OWN_PROPERTIES),
]);

/** The class that `\p{name}` means; null where the name is not known. Spelling does not count. */
export function property(name: string): string | null {
  return properties.get(bare(name)) ?? null;
}

/** A pattern of one class or several. */
export function pattern(source: string, flags = ''): RegExp {
  return new RegExp(source, `v${flags}`);
}
