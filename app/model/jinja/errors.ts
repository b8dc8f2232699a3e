/** @file Why a template could not be read or rendered. */

/** The template asks for something that fails in Python too, that is bounded here, or that this Jinja does not know. */
export class JinjaError extends Error {
  override readonly name: string = 'JinjaError';
}

/** The template is no Jinja. */
export class JinjaSyntaxError extends JinjaError {
  override readonly name = 'JinjaSyntaxError';

  constructor(message: string, line: number) {
    super(`${message} (line ${line})`);
  }
}
