/** @file One sentence for every word of the trade, shown where it is first used. */

export const terms = {
  softPrompt:
    'Learned vectors placed before your text that steer the frozen model; its own weights never change.',
  frozenModel:
    'The language model as it was published: training changes the prompt in front of it, never the model.',
  token: 'The piece of text a model reads and writes: a word, a part of one, or a sign.',
  virtualToken: 'One learned position of the prompt: a vector in the place where a real token would stand.',
  learningRate: 'How far one step moves the prompt: too small learns slowly, too large flies off.',
  step: 'One update of the prompt from one batch of examples.',
  batchSize: 'How many examples one step looks at: more is steadier and slower.',
  seed: 'Fixes every random choice, so that the same settings give the same run again.',
  initialiser: 'Where the virtual tokens start: near words that fit the task they learn faster.',
  warmup: 'Steps over which the learning rate rises from zero, so that the first ones do no harm.',
  schedule: 'How the learning rate falls after the warm-up.',
  clipNorm: 'The longest gradient allowed; a longer one is shortened to it. 0 turns this off.',
  weightDecay: 'Pulls the prompt a little towards zero at every step.',
  validation:
    'Rows kept out of training, to see whether the prompt works on examples it has not learned from.',
  test: 'Rows that are only reported on: neither the prompt nor a setting is chosen by them.',
  learnedTurns:
    'The answers of the assistant that the model must learn to give: the last one of each conversation, or all.',
  validateEvery: 'A validation pass is made after this many steps, and the best prompt so far is kept.',
  validationRows: 'The most validation rows looked at in one pass: more is surer and slower.',
  loss: 'How surprised the model is by the right answer, in nats per answer token: 0 would be certainty.',
  smoothed: 'A moving average over the last steps: single batches are noisy.',
  gradientNorm: 'How strongly the batch pulls at the prompt: sudden peaks mean that training is unsteady.',
  accuracy: 'The share of validation rows for which the right answer is the likeliest of all answers.',
  exact: 'The share of validation rows that the model answers word for word as wanted.',
  label: 'A token the model has to say itself: only these count in the loss.',
  template: 'The text of an example: words in braces, such as {input}, stand for a column of your file.',
  plainText: 'No question and answer: the model learns to continue text like yours.',
  truncated:
    'Examples longer than the limit lose tokens from the start of their input, never from the answer.',
  cosine: 'How alike two directions are: 1 is the same, 0 is unrelated.',
  moved: 'The distance from where the virtual token started, as a multiple of a typical token’s length.',
  hardPrompt: 'An instruction in words, placed before the input.',
  int8: 'Each weight as a whole number of 8 bits, groups of them sharing a scale: less memory, a little less exact.',
  chatModel: 'Made to answer turns of a conversation: its template marks who says what.',
  trainingMemory: 'What the GPU needs for the weights and for training with the present settings.',
  saving:
    'Training needs what the forward pass has computed: where memory is short, part of it is kept more coarsely or computed twice.',
  chatFormat:
    'Each example goes through the model’s chat template: the input as the user’s turn, the target as the answer.',
  systemText: 'What a chat model is told before the conversation begins.',
  temperature: 'How freely the next token is drawn: 0 always takes the likeliest.',
  topP: 'Draws only among the likeliest tokens that together reach this probability.',
  peft: 'Hugging Face’s library for prompts and adapters: the file loads there as it is.',
} as const;

export type TermKey = keyof typeof terms;
