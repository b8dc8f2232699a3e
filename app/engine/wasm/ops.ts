/**
 * @file What each kernel is to do, as words in the order in which the kernel (in `assembly/`) reads them.
 * Rows are counted from the buffers' starts; strides are in elements; an address of 0 stands for what is not there.
 */
import { groupingOf } from '../quantised';
import type { Activation, NormSpec, StoredType, WeightType } from '../spec';
import { Op, RecordList, type Word } from './records';
import { MOST_COLUMNS, PANEL, TILE_ROWS } from './scratch';
import type { AttentionShape, HeadsShape, Rows, StoredMatrix } from './shapes';

// As in the kernels: how much an item is.
const ROW_BLOCK = 16;
const QUERY_BLOCK = 96;
const FEW_COLUMNS = 64;
const SQUARE_ROWS = 256;

/** Up to so many rows a product reads the weight row by row and packs nothing. */
const FEW_ROWS = 4;

const weightTypeNumbers: Record<WeightType, number> = { F32: 0, F16: 1, BF16: 2 };
/** Of codes: 8, and in the bits what the kernel's `codes.ts` reads there. */
function typeNumber(type: StoredType): number {
  const grouping = groupingOf(type);
  if (!grouping) return weightTypeNumbers[type as WeightType];
  const { bits, group, scale, offset } = grouping;
  const flags = (bits === 8 ? 1 : 0) | (scale === 'F32' ? 2 : 0) | (offset ? 4 : 0);
  return 8 | flags | (Math.log2(group / 16) << 4);
}

const activationNumbers: Record<Activation, number> = { gelu: 0, geluTanh: 1, silu: 2, relu: 3 };

/** A list that knows the kernels. */
export class OpList extends RecordList {
  /** @param threads that will share the work: products are divided finely enough for them. */
  constructor(private readonly threads: number) {
    super();
  }

  /** c = a · Wᵀ (`NT`) or a · W (`NN`), plus bias, plus add; maps name the rows of a, c and add. */
  matmul(product: {
    form: 'NT' | 'NN';
    rows: number;
    weight: StoredMatrix;
    a: Rows;
    c: Rows;
    bias?: number;
    add?: Rows;
    aMap?: number;
    cMap?: number;
    addMap?: number;
  }): void {
    const { form, rows, weight, a, c, bias = 0, add, aMap = 0, cMap = 0, addMap = 0 } = product;
    if (rows === 0) return;
    const [columns, depth] = form === 'NT' ? [weight.rows, weight.columns] : [weight.columns, weight.rows];
    const few = form === 'NT' && rows <= FEW_ROWS;
    const wanted = 8 * this.threads;
    let columnBlock = MOST_COLUMNS;
    while (columnBlock > 2 * PANEL && Math.ceil(columns / columnBlock) < wanted) columnBlock /= 2;
    const columnBlocks = Math.ceil(columns / columnBlock);
    const rowBlocks = Math.min(Math.ceil(wanted / columnBlocks), Math.ceil(rows / (16 * TILE_ROWS)));
    const rowBlock = TILE_ROWS * Math.ceil(rows / rowBlocks / TILE_ROWS);
    this.push(
      few ? Op.FewRows : Op.Matmul,
      few ? Math.ceil(columns / FEW_COLUMNS) : columnBlocks * Math.ceil(rows / rowBlock),
      [
        form === 'NT' ? 0 : 1,
        typeNumber(weight.type),
        rows,
        columns,
        depth,
        a.at,
        a.stride,
        weight.at,
        weight.columns,
        c.at,
        c.stride,
        bias,
        add?.at ?? 0,
        add?.stride ?? 0,
        columnBlock,
        rowBlock,
        aMap,
        cMap,
        addMap,
      ],
    );
  }

  embed(rows: {
    first: number;
    last: number;
    rowInfo: number;
    firstText: number;
    prompts: number;
    firstPrompt: number;
    table: StoredMatrix;
    scale: number;
    positions: StoredMatrix | null;
    positionOffset: number;
    out: number;
  }): void {
    const { table, positions } = rows;
    this.byRow(Op.Embed, rows.first, rows.last, [
      typeNumber(table.type),
      rows.first,
      rows.last,
      table.columns,
      rows.rowInfo,
      rows.firstText,
      rows.firstPrompt,
      rows.prompts,
      table.at,
      { float: rows.scale },
      positions?.at ?? 0,
      positions ? typeNumber(positions.type) : 0,
      rows.positionOffset,
      rows.out,
    ]);
  }

  norm(norm: {
    spec: NormSpec;
    first: number;
    last: number;
    width: number;
    x: number;
    map?: number;
    weight: number;
    bias: number;
    add?: number;
    y: number;
    stats: number;
  }): void {
    this.byRow(Op.Norm, norm.first, norm.last, [
      norm.spec.kind === 'layer' ? 1 : 0,
      norm.first,
      norm.last,
      norm.width,
      { float: norm.spec.epsilon },
      norm.x,
      norm.map ?? 0,
      norm.weight,
      norm.bias,
      norm.add ?? 0,
      norm.y,
      norm.stats,
    ]);
  }

  normBackward(norm: {
    spec: NormSpec;
    first: number;
    last: number;
    width: number;
    dy: number;
    x: number;
    map?: number;
    weight: number;
    stats: number;
    add?: number;
    dx: number;
  }): void {
    this.byRow(Op.NormBackward, norm.first, norm.last, [
      norm.spec.kind === 'layer' ? 1 : 0,
      norm.first,
      norm.last,
      norm.width,
      norm.dy,
      norm.x,
      norm.map ?? 0,
      norm.weight,
      norm.stats,
      norm.add ?? 0,
      norm.dx,
    ]);
  }

  heads(shape: HeadsShape, backward = false): void {
    // Nothing is done to heads without norm or rotation.
    if (shape.turns === 0 && shape.weights[0] === 0 && shape.weights[1] === 0) return;
    this.byRow(backward ? Op.HeadsBackward : Op.Heads, shape.first, shape.last, [
      shape.first,
      shape.last,
      shape.x.at,
      shape.x.stride,
      ...shape.heads,
      shape.headDim,
      ...shape.weights,
      shape.norm?.kind === 'layer' ? 1 : 0,
      { float: shape.norm?.epsilon ?? 0 },
      shape.raw,
      shape.rowInfo,
      shape.map,
      shape.turns,
      shape.dims,
    ]);
  }

  /** to[map[r]] += from[r] */
  addRows(first: number, last: number, width: number, from: number, to: number, map: number): void {
    this.byRow(Op.AddRows, first, last, [first, last, width, from, to, map]);
  }

  copyRows(first: number, last: number, width: number, from: Rows, to: Rows, map = 0): void {
    this.byRow(Op.CopyRows, first, last, [first, last, width, from.at, from.stride, map, to.at, to.stride]);
  }

  activation(kind: Activation, gated: boolean, rows: number, width: number, x: number, y: number): void {
    this.byRow(Op.Activation, 0, rows, [activationNumbers[kind], gated ? 1 : 0, rows, width, x, y]);
  }

  /** dx may be x. */
  activationBackward(
    kind: Activation,
    gated: boolean,
    rows: number,
    width: number,
    x: number,
    dy: number,
    dx: number,
  ): void {
    const words = [activationNumbers[kind], gated ? 1 : 0, rows, width, x, dy, dx];
    this.byRow(Op.ActivationBackward, 0, rows, words);
  }

  /** @param longest Most queries of a sequence. */
  attend(shape: AttentionShape, longest: number): void {
    const blocks = Math.max(1, Math.ceil(longest / QUERY_BLOCK));
    this.push(Op.Attend, shape.count * shape.keyHeads * blocks, [...attentionWords(shape), blocks]);
  }

  attendBackward(
    shape: AttentionShape,
    backward: {
      out: number;
      q: number;
      k: Rows;
      v: number;
      jobKeys: number;
      jobValues: number;
      promptSequences: number;
      promptOnly: boolean;
    },
  ): void {
    this.push(Op.AttendBackward, shape.count * shape.keyHeads, [
      ...attentionWords(shape),
      backward.out,
      backward.q,
      backward.k.at,
      backward.v,
      backward.k.stride,
      backward.jobKeys,
      backward.jobValues,
      backward.promptSequences,
      backward.promptOnly ? 1 : 0,
    ]);
  }

  sumJobs(sum: {
    promptRows: number;
    count: number;
    width: number;
    jobKeys: number;
    jobValues: number;
    prefixRows: number;
    prefixKeys: Rows;
    prefixValues: number;
    k: Rows;
    v: number;
  }): void {
    this.push(Op.SumJobs, sum.count, [
      sum.promptRows,
      sum.width,
      sum.jobKeys,
      sum.jobValues,
      sum.prefixRows,
      sum.prefixKeys.at,
      sum.prefixValues,
      sum.prefixKeys.stride,
      sum.k.at,
      sum.v,
      sum.k.stride,
    ]);
  }

  losses(head: {
    slots: number;
    vocabulary: number;
    logits: number;
    firstSlot: number;
    slotTargets: number;
    targets: number;
    scores: number;
    softcap: number | null;
    gradient: boolean;
  }): void {
    this.push(Op.Losses, head.slots, [
      head.slots,
      head.vocabulary,
      head.logits,
      head.firstSlot,
      head.slotTargets,
      head.targets,
      head.scores,
      { float: head.softcap ?? 0 },
      head.gradient ? 1 : 0,
    ]);
  }

  squares(table: StoredMatrix, scale: number, out: number): void {
    this.push(Op.Squares, Math.ceil(table.rows / SQUARE_ROWS), [
      typeNumber(table.type),
      table.rows,
      table.columns,
      table.at,
      { float: scale },
      out,
    ]);
  }

  nearest(search: {
    vectors: number;
    rows: number;
    k: number;
    euclidean: boolean;
    products: number;
    tableSquares: number;
    squares: number;
    values: number;
    ids: number;
  }): void {
    this.push(Op.Nearest, search.vectors, [
      search.rows,
      search.k,
      search.euclidean ? 1 : 0,
      search.products,
      search.tableSquares,
      search.squares,
      search.values,
      search.ids,
    ]);
  }

  private byRow(op: Op, first: number, last: number, words: readonly Word[]): void {
    this.push(op, Math.ceil((last - first) / ROW_BLOCK), words);
  }
}

function attentionWords(shape: AttentionShape): Word[] {
  const { q, k, prefix, out } = shape;
  return [
    shape.sequences,
    shape.count,
    shape.heads,
    shape.keyHeads,
    shape.headDim,
    q.at,
    q.stride,
    k.at,
    shape.v,
    k.stride,
    prefix.keys,
    prefix.values,
    prefix.stride,
    prefix.rows,
    shape.slotRow,
    out.at,
    out.stride,
    shape.statistics,
    { float: shape.scale },
    { float: shape.softcap ?? 0 },
    shape.window ?? 0,
  ];
}
