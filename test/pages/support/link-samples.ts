import { account, form, type Sample, sample } from './sample.ts';

const resetPassword = {
  ...form,
  action: '/reset-password?token=x',
  account,
  passwordLength: { min: 8, max: 128 },
};
/** The pages that mailed links open. */
export const linkSamples: Readonly<Record<string, Sample>> = {
  'reset-password': sample('reset-password', resetPassword),
  'reset-password-weak': sample('reset-password', {
    ...resetPassword,
    problems: [{ field: 'password', message: 'problem.passwordCommon' }],
  }),
  'verify-email': sample('verify-email', {
    ...form,
    problems: [],
    action: '/verify-email?token=x',
    email: 'maria@example.com',
    asks: 'nothing',
    isMove: false,
  }),
  'verify-email-password': sample('verify-email', {
    ...form,
    problems: [{ field: 'password', message: 'problem.passwordWrong' }],
    action: '/verify-email?token=x',
    email: 'maria@example.com',
    asks: 'password',
    isMove: false,
  }),
  'verify-email-move': sample('verify-email', {
    ...form,
    problems: [],
    action: '/verify-email?token=x',
    email: 'maria@example.com',
    asks: 'sign-in',
    isMove: true,
  }),
  'undo': sample('undo', {
    ...form,
    problems: [{ field: 'password', message: 'problem.passwordCommon' }],
    action: '/undo?token=x',
    email: 'maria@example.com',
    matter: 'email',
    passwordLength: { min: 8, max: 128 },
  }),
  'link-dead': sample('message', {
    icon: 'hourglass',
    title: 'link.deadTitle',
    text: 'link.deadReset',
    link: { url: '/forgot-password', label: 'link.again' },
  }),
};
