/**
 * Number formats below 32 bits, and grids of 8, 4 and 2 bits, with stated rounding. The scalar code
 * here is the specification that vector and device code is held against.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.quant;
