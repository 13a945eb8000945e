/** Where people enter the code: short enough to be typed from a television. */
export const DEVICE_PATH = '/device';
