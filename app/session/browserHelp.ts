/** @file How to turn WebGPU on in the browser that shows this page. */

export interface BrowserFacts {
  userAgent: string;
  /** `navigator.gpu` exists. */
  hasWebGpu: boolean;
  /** The page came over https or from localhost. */
  secure: boolean;
}

export interface BrowserHelp {
  browser: string;
  /** What to do, in order. Words between backticks are to be copied. */
  steps: string[];
}

/** Advice for one browser; the first thing that stands in the way comes first. */
export function webGpuHelp({ userAgent, hasWebGpu, secure }: BrowserFacts): BrowserHelp {
  const browser = browserName(userAgent);
  const help = { browser, steps: stepsFor(browser, userAgent, hasWebGpu) };
  if (!secure) {
    help.steps.unshift(
      'Open this page over https or from localhost: browsers hide WebGPU from other addresses.',
    );
  }
  return help;
}

function browserName(userAgent: string): string {
  if (/\bEdg(A|iOS)?\//.test(userAgent)) return 'Edge';
  if (/\bOPR\//.test(userAgent)) return 'Opera';
  if (/Firefox\/|FxiOS\//.test(userAgent)) return 'Firefox';
  if (/Chrome\/|CriOS\/|Chromium\//.test(userAgent)) return 'Chrome';
  if (/Safari\//.test(userAgent)) return 'Safari';
  return 'this browser';
}

function stepsFor(browser: string, userAgent: string, hasWebGpu: boolean): string[] {
  const apple = /iPhone|iPad|iPod/.test(userAgent);
  if (apple || browser === 'Safari') return safari(apple);
  if (browser === 'Firefox') {
    return [
      'Update Firefox: WebGPU is on by default from 141 on Windows and from 145 on a Mac with Apple silicon.',
      'Elsewhere open `about:config`, set `dom.webgpu.enabled` and `dom.webgpu.workers.enabled` to true, and restart Firefox.',
    ];
  }
  if (browser === 'this browser') {
    return ['Try a recent Chrome, Edge, Firefox or Safari: all of them bring WebGPU.'];
  }
  return chromium(browser, userAgent, hasWebGpu);
}

function chromium(browser: string, userAgent: string, hasWebGpu: boolean): string[] {
  const scheme = { Edge: 'edge', Opera: 'opera' }[browser] ?? 'chrome';
  const steps = [
    `Open \`${scheme}://settings/system\`, turn on “Use graphics acceleration when available”, and restart ${browser}.`,
  ];
  if (/Android/.test(userAgent)) {
    return [`Update ${browser} to version 121 or newer on Android 12 or newer.`];
  }
  if (/Linux|X11/.test(userAgent)) {
    steps.push(
      `Open \`${scheme}://flags/#enable-unsafe-webgpu\` and \`${scheme}://flags/#enable-vulkan\`, set both to Enabled, and restart ${browser}.`,
    );
  } else if (!hasWebGpu) {
    steps.unshift(`Update ${browser}: WebGPU is on by default from version 113.`);
  } else {
    steps.push(
      `If the driver is on the browser's block list, open \`${scheme}://flags/#enable-unsafe-webgpu\` and set it to Enabled.`,
    );
  }
  steps.push(`\`${scheme}://gpu\` says under “WebGPU” what holds it back.`);
  return steps;
}

function safari(mobile: boolean): string[] {
  return mobile
    ? [
        'Update to iOS 26 or newer, where WebGPU is on by default.',
        'On iOS 18: Settings → Apps → Safari → Advanced → Feature Flags → WebGPU.',
      ]
    : [
        'Update to Safari 26 or newer, where WebGPU is on by default.',
        'On Safari 18: Settings → Advanced → Show features for web developers, then Feature Flags → WebGPU.',
      ];
}
