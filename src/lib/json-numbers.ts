const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.]*(?:[eE][+-]?\d+)?/g

/**
 * The JSON text with every number as a string of the same digits. Parsed as it is, `0.10000000000000000001` would be
 * another number and `1.50` another text.
 */
export const quoteNumbers = (text: string): string =>
  text.replace(STRING_OR_NUMBER, (found) => (found.startsWith('"') ? found : `"${found}"`))
