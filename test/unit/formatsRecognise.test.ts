/** @file What files are told to be by their first bytes. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { type ContentKind, foreignContent, recognise } from '../../app/formats/recognise';

const text = (content: string) => new TextEncoder().encode(content);
const padded = (start: number[] | string, more = 64) =>
  new Uint8Array([...(typeof start === 'string' ? text(start) : start), ...new Array(more).fill(1)]);

const pointer =
  'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n';

describe('recognise', () => {
  const seen: [string, Uint8Array, ContentKind | null][] = [
    ['nothing', new Uint8Array(0), 'empty'],
    ['zeros', new Uint8Array(5000), 'zeros'],
    ['a Git LFS pointer', text(pointer), 'lfsPointer'],
    [
      'a Git LFS pointer with a byte-order mark and CRLF',
      text(`\uFEFF${pointer.replaceAll('\n', '\r\n')}`),
      'lfsPointer',
    ],
    ['a page', text('\n<!DOCTYPE html><title>Sign in</title>'), 'webPage'],
    ['a page after comments', text('<!-- a --><!-- b -->\n<html lang="en">'), 'webPage'],
    ['an XHTML page', text('<?xml version="1.0"?>\n<!doctype html><html></html>'), 'webPage'],
    [
      'a bucket that refuses',
      text('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'),
      'errorAnswer',
    ],
    ['other XML', text('<?xml version="1.0"?><rows></rows>'), 'xml'],
    ['an error answer', text('{"error": "Repository not found"}'), 'errorAnswer'],
    [
      'an error of an API',
      text('{"message":"Not Found","documentation_url":"https://…","status":"404"}'),
      'errorAnswer',
    ],
    ['an error with an object', text('{"error":{"message":"Too many requests","code":429}}'), 'errorAnswer'],
    ['the Hub’s own words', text('Entry not found'), 'errorAnswer'],
    ['a row that has a message', text('{"message": "hello", "label": "greeting"}'), 'json'],
    ['a row of one message', text('{"message": "hello"}'), 'json'],
    ['several rows of errors', text('{"error": "a"}\n{"error": "b"}\n'), 'json'],
    ['a notebook', text('{\n "cells": [\n  {\n   "cell_type": "code"'), 'notebook'],
    ['JSON', text('[{"a": 1}]'), 'json'],
    ['a pickle', padded([0x80, 2, 0x8a, 0x0a]), 'pickle'],
    [
      'a zip of torch',
      zipSync({ 'archive/data.pkl': padded([0x80, 2]), 'archive/version': text('3') }),
      'torchZip',
    ],
    ['a workbook', zipSync({ '[Content_Types].xml': text('<a/>'), 'xl/workbook.xml': text('<a/>') }), 'xlsx'],
    ['a letter', zipSync({ 'word/document.xml': text('<a/>') }), 'document'],
    ['a zip', zipSync({ 'a.txt': text('a') }), 'zip'],
    ['gzip', padded([0x1f, 0x8b, 8]), 'gzip'],
    ['PNG', padded([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'image'],
    ['JPEG', padded([0xff, 0xd8, 0xff, 0xe0]), 'image'],
    ['GIF', padded('GIF89a'), 'image'],
    ['WebP', padded('RIFF....WEBPVP8 '), 'image'],
    ['PDF', text('%PDF-1.7\n'), 'pdf'],
    ['GGUF', padded('GGUF\x03\0\0\0'), 'gguf'],
    ['Parquet', padded('PAR1\x15'), 'parquet'],
    ['an Arrow file', padded('ARROW1\0\0'), 'arrow'],
    ['an Arrow stream', padded([0xff, 0xff, 0xff, 0xff, 0x10, 1, 0, 0]), 'arrow'],
    ['SQLite', padded('SQLite format 3\0'), 'sqlite'],
    ['safetensors', padded([0x40, 0, 0, 0, 0, 0, 0, 0, 0x7b]), 'safetensors'],
    ['a .npy', padded([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]), 'npy'],
    ['a text about a format', text('GGUF is a format.\nPAR1 begins another.\n'), null],
    ['a text that begins with BM or MZ', text('BMW,car\nMZ,short\n'), null],
    ['a table', text('text,label\ngood,1\n'), null],
  ];
  it.each(seen)('tells %s', (_, bytes, kind) => {
    expect(recognise(bytes)?.kind ?? null).toBe(kind);
  });

  it('says what a pointer stands for and what a server said', () => {
    expect(recognise(text(pointer))?.what).toContain('12345 bytes');
    expect(recognise(text('{"error":{"message":"Too many requests"}}'))?.what).toContain(
      '“Too many requests”',
    );
  });

  it('ends soon whatever the text is', () => {
    for (const piece of ['<!-- -->', '<?xml ?>', '{"cells":', '[', '<Error>', ' ']) {
      recognise(text(piece.repeat(200_000)));
    }
  });
});

describe('foreignContent', () => {
  it('names the file, what it should be and what it is', () => {
    expect(foreignContent(text('<html>'), 'train.csv', 'a table', ['json'])).toMatchObject({
      kind: 'otherFormat',
      message: 'train.csv should be a table, and is a web page.',
    });
  });

  it('passes over what the reader judges itself', () => {
    expect(foreignContent(text('{}'), 'train.json', 'a table', ['json'])).toBeNull();
    expect(foreignContent(text('a,b'), 'train.csv', 'a table', ['json'])).toBeNull();
  });
});
