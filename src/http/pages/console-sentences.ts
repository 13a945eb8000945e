/** The sentences of the console, by area. Each area has one file per language in `views/locales/console`. */
import type { Language } from '../../core/languages.ts';
import frameDe from '../../../views/locales/console/frame.de.json' with { type: 'json' };
import frameEn from '../../../views/locales/console/frame.en.json' with { type: 'json' };
import frameEs from '../../../views/locales/console/frame.es.json' with { type: 'json' };
import frameZh from '../../../views/locales/console/frame.zh.json' with { type: 'json' };
import homeDe from '../../../views/locales/console/home.de.json' with { type: 'json' };
import homeEn from '../../../views/locales/console/home.en.json' with { type: 'json' };
import homeEs from '../../../views/locales/console/home.es.json' with { type: 'json' };
import homeZh from '../../../views/locales/console/home.zh.json' with { type: 'json' };
import peopleDe from '../../../views/locales/console/people.de.json' with { type: 'json' };
import peopleEn from '../../../views/locales/console/people.en.json' with { type: 'json' };
import peopleEs from '../../../views/locales/console/people.es.json' with { type: 'json' };
import peopleZh from '../../../views/locales/console/people.zh.json' with { type: 'json' };
import appsDe from '../../../views/locales/console/apps.de.json' with { type: 'json' };
import appsEn from '../../../views/locales/console/apps.en.json' with { type: 'json' };
import appsEs from '../../../views/locales/console/apps.es.json' with { type: 'json' };
import appsZh from '../../../views/locales/console/apps.zh.json' with { type: 'json' };
import watchDe from '../../../views/locales/console/watch.de.json' with { type: 'json' };
import watchEn from '../../../views/locales/console/watch.en.json' with { type: 'json' };
import watchEs from '../../../views/locales/console/watch.es.json' with { type: 'json' };
import watchZh from '../../../views/locales/console/watch.zh.json' with { type: 'json' };
import setupDe from '../../../views/locales/console/setup.de.json' with { type: 'json' };
import setupEn from '../../../views/locales/console/setup.en.json' with { type: 'json' };
import setupEs from '../../../views/locales/console/setup.es.json' with { type: 'json' };
import setupZh from '../../../views/locales/console/setup.zh.json' with { type: 'json' };
import didDe from '../../../views/locales/console/did.de.json' with { type: 'json' };
import didEn from '../../../views/locales/console/did.en.json' with { type: 'json' };
import didEs from '../../../views/locales/console/did.es.json' with { type: 'json' };
import didZh from '../../../views/locales/console/did.zh.json' with { type: 'json' };
import doctorDe from '../../../views/locales/console/doctor.de.json' with { type: 'json' };
import doctorEn from '../../../views/locales/console/doctor.en.json' with { type: 'json' };
import doctorEs from '../../../views/locales/console/doctor.es.json' with { type: 'json' };
import doctorZh from '../../../views/locales/console/doctor.zh.json' with { type: 'json' };
import mailDe from '../../../views/locales/console/mail.de.json' with { type: 'json' };
import mailEn from '../../../views/locales/console/mail.en.json' with { type: 'json' };
import mailEs from '../../../views/locales/console/mail.es.json' with { type: 'json' };
import mailZh from '../../../views/locales/console/mail.zh.json' with { type: 'json' };
import settingsDe from '../../../views/locales/console/settings.de.json' with { type: 'json' };
import settingsEn from '../../../views/locales/console/settings.en.json' with { type: 'json' };
import settingsEs from '../../../views/locales/console/settings.es.json' with { type: 'json' };
import settingsZh from '../../../views/locales/console/settings.zh.json' with { type: 'json' };

const en = {
  ...frameEn,
  ...homeEn,
  ...peopleEn,
  ...appsEn,
  ...watchEn,
  ...setupEn,
  ...didEn,
  ...doctorEn,
  ...mailEn,
  ...settingsEn,
};

export type ConsoleKey = keyof typeof en;

/** A missing key does not compile. */
export const consoleSentences: Readonly<Record<Language, Readonly<Record<ConsoleKey, string>>>> = {
  en,
  de: {
    ...frameDe,
    ...homeDe,
    ...peopleDe,
    ...appsDe,
    ...watchDe,
    ...setupDe,
    ...didDe,
    ...doctorDe,
    ...mailDe,
    ...settingsDe,
  },
  es: {
    ...frameEs,
    ...homeEs,
    ...peopleEs,
    ...appsEs,
    ...watchEs,
    ...setupEs,
    ...didEs,
    ...doctorEs,
    ...mailEs,
    ...settingsEs,
  },
  zh: {
    ...frameZh,
    ...homeZh,
    ...peopleZh,
    ...appsZh,
    ...watchZh,
    ...setupZh,
    ...didZh,
    ...doctorZh,
    ...mailZh,
    ...settingsZh,
  },
};
