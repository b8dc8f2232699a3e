/** @file Column names people use for an example's two sides, and the ones that belong together. */

/** Commonest first. */
const INPUT_NAMES = [
  'input',
  'inputs',
  'text',
  'question',
  'prompt',
  'sentence',
  'review',
  'instruction',
  'query',
  'message',
  'utterance',
  'source',
  'src',
  'content',
  'document',
  'article',
  'body',
  'passage',
  'premise',
  'sentence1',
  'text1',
  'question1',
  'comment',
  'tweet',
  'post',
  'email',
  'request',
  'dialogue',
  'dialog',
  'context',
  'description',
  'questionstem',
  'goal',
  'ctx',
  'problem',
  'story',
  'q',
  'original',
  'english',
  'casual',
  'frage',
  'eingabe',
  'nachricht',
  'satz',
  'pregunta',
  'texto',
  'mensaje',
  'texte',
  'phrase',
  'testo',
  'domanda',
  'pergunta',
  'текст',
  'вопрос',
  '文本',
  '问题',
  'テキスト',
  '質問',
];

/** Commonest first; words for a class before what may be its number. */
const TARGET_NAMES = [
  'target',
  'targets',
  'labeltext',
  'textlabel',
  'labelname',
  'labelstr',
  'goldlabel',
  'label',
  'labels',
  'answer',
  'answers',
  'correctanswer',
  'bestanswer',
  'finalanswer',
  'solution',
  'answerkey',
  'answeridx',
  'answerindex',
  'correctanswerindex',
  'correctindex',
  'correctidx',
  'correctoption',
  'correctchoice',
  'correct',
  'completion',
  'output',
  'outputs',
  'response',
  'summary',
  'categoryname',
  'category',
  'categories',
  'classname',
  'class',
  'classindex',
  'sentiment',
  'intent',
  'isduplicate',
  'reply',
  'translation',
  'headline',
  'topic',
  'highlights',
  'tgt',
  'expected',
  'expectedoutput',
  'emotion',
  'chosen',
  'result',
  'formal',
  'rating',
  'stars',
  'score',
  'kind',
  'type',
  'tag',
  'tags',
  'annotations',
  'antwort',
  'kategorie',
  'klasse',
  'stimmung',
  'ausgabe',
  'zusammenfassung',
  'respuesta',
  'categoria',
  'clase',
  'etiqueta',
  'réponse',
  'catégorie',
  'classe',
  'étiquette',
  'risposta',
  'etichetta',
  'resposta',
  'categoría',
  'метка',
  'категория',
  'ответ',
  '标签',
  '答案',
  'ラベル',
  '回答',
];

const CLASS_TARGETS = [
  'labeltext',
  'textlabel',
  'labelname',
  'goldlabel',
  'label',
  'labels',
  'categoryname',
  'category',
  'class',
  'classname',
  'sentiment',
  'intent',
  'emotion',
  'topic',
  'rating',
  'stars',
  'score',
];
const ANSWER_TARGETS = [
  'answer',
  'answers',
  'correctanswer',
  'bestanswer',
  'finalanswer',
  'answerkey',
  'answeridx',
  'answerindex',
  'correctanswerindex',
  'correctindex',
  'correctidx',
  'correctoption',
  'correctchoice',
  'correct',
  'response',
  'output',
  'completion',
  'target',
];

/** A tag for each word. */
const TAG_TARGETS = ['nertags', 'postags', 'chunktags', 'upos', 'tags', 'ner', 'pos', ...CLASS_TARGETS];

/** Pairs that people use, best evidence first: an input's column and the columns that may be its target. */
export const PAIRS: readonly (readonly [string, readonly string[]])[] = [
  ['question1', ['isduplicate', ...CLASS_TARGETS]],
  ['premise', ['goldlabel', ...CLASS_TARGETS, 'entailment', ...ANSWER_TARGETS]],
  ['sentence1', ['goldlabel', ...CLASS_TARGETS, 'similarityscore', 'similarity', 'isduplicate']],
  ['text1', [...CLASS_TARGETS, 'similarity']],
  [
    'input',
    ['output', 'target', 'answer', 'response', 'completion', 'expectedoutput', 'expected', ...CLASS_TARGETS],
  ],
  ['instruction', ['output', 'response', 'answer', 'completion', 'target', 'chosen']],
  ['inputs', ['targets', 'outputs', 'labels', 'target', 'label']],
  ['question', [...ANSWER_TARGETS, 'chosen', 'cop', ...CLASS_TARGETS]],
  ['problem', ['solution', ...ANSWER_TARGETS, 'expectedanswer', 'generation', ...CLASS_TARGETS]],
  ['q', ['a', ...ANSWER_TARGETS]],
  ['tokens', TAG_TARGETS],
  ['words', TAG_TARGETS],
  ['questions', ['answers', 'answersinputtext', 'answerstext', 'answer']],
  ['questionstem', ['answerkey', 'answer', 'label']],
  ['prompt', ['completion', 'response', 'chosen', 'output', 'answer', 'target', ...CLASS_TARGETS]],
  ['query', ['response', 'answer', 'answers', 'output', 'target', ...CLASS_TARGETS]],
  ['source', ['target']],
  ['src', ['tgt', 'trg']],
  ['text', [...CLASS_TARGETS, 'target', 'output', 'summary', 'headline', 'title', 'answer']],
  ['sentence', [...CLASS_TARGETS, 'target', 'answer']],
  ['review', [...CLASS_TARGETS]],
  ['tweet', [...CLASS_TARGETS]],
  ['utterance', ['intent', ...CLASS_TARGETS]],
  ['article', ['highlights', 'summary', 'headline', 'title', 'abstract', ...CLASS_TARGETS]],
  ['document', ['summary', 'abstract', 'headline', 'title', ...CLASS_TARGETS]],
  ['dialogue', ['summary', ...CLASS_TARGETS]],
  ['dialog', ['summary', ...CLASS_TARGETS]],
  ['content', ['summary', ...CLASS_TARGETS]],
  ['context', ['response', 'answer', 'answers', 'target']],
  ['goal', CLASS_TARGETS],
  ['ctx', CLASS_TARGETS],
];

/** What a model reads before the question, by the question's column. */
export const BEFORE = ['systemprompt', 'system', 'systemmessage'];
export const GROUNDS = [
  'context',
  'passage',
  'paragraph',
  'article',
  'document',
  'story',
  'background',
  'support',
  'facts',
  'fact1',
  'evidence',
  'title',
];
/** Questions that may be about something. */
export const QUESTIONS = ['question', 'questions', 'query', 'questionstem', 'problem', 'q'];
export const CHOICES = [
  'choices',
  'options',
  'endings',
  'candidates',
  'alternatives',
  'answerchoices',
  'answeroptions',
];

/** Columns that belong together in the input, in the order in which they are read; the first names the pair. */
export const COMPANIONS: readonly (readonly [string, readonly string[]])[] = [
  ['instruction', ['input', 'inputs', 'context']],
  ['premise', ['hypothesis']],
  ['sentence1', ['sentence2']],
  ['text1', ['text2']],
  ['texta', ['textb']],
  ['question1', ['question2']],
  ['prompt', ['input', 'context']],
  ['title', ['text', 'content', 'body', 'description', 'abstract', 'article', 'review']],
  ['subject', ['body', 'message', 'text', 'content', 'email', 'description']],
  ['betreff', ['text', 'nachricht', 'inhalt', 'textdeskunden']],
  ['query', ['document', 'passage']],
];

/** Columns about a row rather than of it. */
const ABOUT = new Set([
  'url',
  'link',
  'date',
  'time',
  'timestamp',
  'created',
  'createdat',
  'updatedat',
  'author',
  'username',
  'lang',
  'language',
  'split',
  'subset',
  'config',
  'dataset',
  'license',
  'version',
  'numtokens',
  'length',
  'annotator',
  'workerid',
  'genre',
  'rejected',
]);

const LANGUAGES = new Set(
  'ar bg bn ca cs da de el en es et fa fi fr gu he hi hr hu id it ja kk ko lt lv mk ml mr ms nl no pl ps pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur vi zh english german french spanish italian portuguese dutch russian chinese japanese polish turkish swedish czech deutsch englisch français español'.split(
    ' ',
  ),
);

/** Lower case, letters and digits only: "Label Text" and "label_text" are the same name. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/** The words of a name: "Tweet text", "tweet_text" and "tweetText" are two. */
export function nameWords(name: string): string[] {
  return name
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

export function isKnownColumnName(name: string): boolean {
  const normal = normalName(name);
  return INPUT_NAMES.includes(normal) || TARGET_NAMES.includes(normal);
}

export function inputRank(name: string): number {
  return rank(INPUT_NAMES, name);
}

export function targetRank(name: string): number {
  return rank(TARGET_NAMES, name);
}

/** Counts or names the rows: `id`, `doc_id`, `pairID`, `qid1`, `idx`, `_input_hash`. */
export function isIdName(name: string): boolean {
  return (
    /^(?:.*[_\s.-])?(?:ids?|idx|index|no|nr|num|row|rowid|uuid|guid|hash)\d*$/i.test(name) ||
    /\p{Ll}I[Dd]s?\d*$/u.test(name) ||
    /^[cdpqrstuv]?id\d*$/i.test(name) ||
    normalName(name) === 'unnamed0'
  );
}

/** Says something about a row that is neither its question nor its answer. */
export function isAboutRow(name: string): boolean {
  const isPlace = /(^|[_.\s])(answer|span|char|token)?[_\s]?(start|end|offset)s?$/i.test(name);
  return ABOUT.has(normalName(name)) || isPlace || /^(metadata|meta)\./i.test(name);
}

/** A language's code or name, alone or after a dot: "en", "translation.de". */
export function isLanguage(name: string): boolean {
  const last = name.split('.').at(-1) ?? name;
  return LANGUAGES.has(last.toLowerCase()) || LANGUAGES.has(last.toLowerCase().split(/[-_]/)[0]);
}

/** Place in the list, Infinity when it is not there. */
function rank(names: readonly string[], name: string): number {
  const at = names.indexOf(normalName(name));
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
