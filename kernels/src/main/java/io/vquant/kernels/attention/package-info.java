/** What attention is asked to do: shapes, scale and masks, free of any device. */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.attention;
