/**
 * @file Ten instructions a task, as different people would write them, before anything was measured with them: short and long, a
 * question, an order, a form to fill in, with the answers named and without. `{labels}` stands for the task's labels.
 */

const SENTIMENT = [
  'Classify the sentence by sentiment: negative or positive.',
  'Is this sentence from a film review positive or negative?',
  'Answer with one word, positive or negative, saying how the writer feels about the film.',
  'Sentiment of the review (positive/negative):',
  'You read film reviews. Say “positive” if the writer liked it and “negative” if not.',
  'Decide whether the following text praises or criticises. Reply positive for praise, negative for criticism.',
  'Label the text. Possible labels: {labels}.',
  'What is the sentiment of this text?',
  'Would somebody who says this recommend the film? If so, answer positive; if not, answer negative. Give nothing but the label.',
  'Rate the tone of the sentence as either negative or positive, in lower case and without a full stop.',
];

const BANKING = [
  'Classify the text.',
  'What does this customer of a bank want?',
  'Name the intent of the customer’s message in a few words joined by underscores.',
  'Which of these topics is the message about? {labels}',
  'You work for a bank. Route the message to the right team by its topic.',
  'Answer with the label of the question and nothing else. Labels: {labels}.',
  'Intent of the banking query:',
  'Read the customer’s question and give its category, written in lower case with underscores, such as card_arrival.',
  'Sort customer support messages by what they are about: cards, transfers, top-ups, cash, identity or the account. Give the exact category.',
  'Choose the one category that fits the message best. The categories are {labels}. Write only the category.',
];

const REVIEWS = ['What is the sentiment of this review?', 'Answer with one of these labels: {labels}.'];

export const INSTRUCTIONS = { sentiment: SENTIMENT, banking: BANKING, reviews: REVIEWS };

/** An instruction with the labels in their place. */
export function withLabels(instruction: string, classes: readonly string[]): string {
  return instruction.replaceAll('{labels}', classes.map((name) => name.trim()).join(', '));
}
