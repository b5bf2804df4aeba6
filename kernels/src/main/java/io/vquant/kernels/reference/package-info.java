/**
 * Naive float and double loops: the oracle that every other backend is held against. Kept boring
 * for ever.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.reference;
