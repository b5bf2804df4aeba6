/**
 * Measures of attention on real prompts: the error of low-bit prefill attention against float64,
 * and attention maps. Built on {@link io.vquant.engine.AttentionProbe}; used by the command line.
 * Nothing here prints.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.engine.attention;
