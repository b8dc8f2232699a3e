/** @file What a prompt file says of the run that made it: strings only, shown by the page and read by people. */
import { version } from '../../package.json';
import type { ChatFormat } from '../data/chat';
import type { ModelSpec } from '../engine/spec';
import { transformersClass } from '../model/families';
import type { Quantised } from '../model/source';
import { rowWidth } from '../training/learner';
import type { TrainedPrompt } from '../training/run';
import { type DeviceReport, METHODS, SETTINGS } from './protocol';
import type { ActiveRun } from './runSlot';

/** What a text needs to look as it did in training; what is nothing is left out. */
function chatCard({ hash, systemText, systemInUser, cue, dated }: ChatFormat): Record<string, string> {
  return {
    chatTemplateHash: hash,
    ...(systemText && { systemText, systemPlace: systemInUser ? 'user turn' : 'system turn' }),
    ...(cue && { answerCue: cue }),
    ...(dated && { templateDate: '2024-07-26' }),
  };
}

/**
 * How transformers has to load the model: through which class, and with which attention where its default is another.
 * Fused attention leaves out the soft capping of scores (Gemma 2): the prompt would meet another model than in training.
 */
export function loadingCard({ modelType, attentionSoftcap }: ModelSpec): Record<string, string> {
  return {
    modelClass: transformersClass(modelType),
    ...(attentionSoftcap !== null && { attention: 'eager' }),
  };
}

/** That the model's weights were quantised, and what they were before, where that is known. */
export function quantisationCard(quantised: Quantised | null): Record<string, string> {
  if (!quantised) return {};
  const { types, original, called } = quantised;
  return {
    quantisation: types.join(', '),
    ...(called !== null && { modelName: called }),
    ...(original !== null && { originalModel: original }),
  };
}

/** Keys in camelCase; the model card spells them out. */
export function runCard(
  { trainer, data, model }: ActiveRun,
  trained: TrainedPrompt,
  device: DeviceReport,
): Record<string, string> {
  const { history, state } = trainer;
  const settings = { ...trainer.settings, ...state.lanes[trained.lane].settings };
  const { options, training, validation, hash } = data.dataset.report;
  const { inputTemplate, targetTemplate } = data.dataset.written;
  const { chatFormat } = data.dataset;
  const own = <Record extends { lane: number }>(record: Record) => record.lane === trained.lane;
  const at = history.validations.filter(own).find(({ step }) => step === trained.step);
  const lastLoss = history.steps.filter(own).findLast(({ step }) => step <= trained.step)?.loss;
  const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
  return {
    madeWith: `Soft Prompt Studio ${version}`,
    createdAt: new Date().toISOString(),
    dataset: data.name,
    datasetHash: hash,
    trainingExamples: String(training),
    validationExamples: String(validation),
    inputTemplate,
    targetTemplate,
    endOfText: String(options.endOfText),
    chat: String(chatFormat !== null),
    ...(chatFormat && chatCard(chatFormat)),
    method: METHODS[settings.method].label,
    virtualTokens: String(trained.values.length / rowWidth(model.engine, settings)),
    ...(settings.before && { wordsBefore: settings.before }),
    ...(settings.after && { wordsAfter: settings.after }),
    ...(state.lanes.length > 1 && {
      search: SETTINGS.search.choices[settings.search],
      lane: state.lanes[trained.lane].name,
    }),
    initialiser: settings.initialiser,
    ...(settings.initialiser === 'text' && { initText: settings.initText }),
    optimizer: 'AdamW',
    learningRate: String(settings.learningRate),
    schedule: `${settings.schedule}, ${settings.warmupSteps} warm-up steps`,
    clipNorm: String(settings.clipNorm),
    weightDecay: String(settings.weightDecay),
    batchSize: String(settings.batchSize),
    seed: String(settings.seed),
    steps: String(settings.steps),
    step: String(trained.step),
    ...(lastLoss !== undefined && { trainingLoss: lastLoss.toPrecision(6) }),
    ...(at && {
      validationLoss: at.loss.toPrecision(6),
      validationRows: String(at.rows),
      tokenAccuracy: percent(at.tokenAccuracy),
      exactAnswers: percent(at.exact),
      ...(at.accuracy !== null && { accuracy: percent(at.accuracy) }),
    }),
    ...quantisationCard(model.quantised),
    ...loadingCard(model.engine.spec),
    engine: `${model.report.engine.name} on ${device.backend}`,
  };
}
