/** Writes numbers as text. */

const numbers = new Intl.NumberFormat("en");

/** 33756 as 33,756 */
export const formatCount = (number) => numbers.format(number);

/** 0.973 as 97 % */
export const formatPercent = (share) => `${Math.round(100 * share)} %`;
