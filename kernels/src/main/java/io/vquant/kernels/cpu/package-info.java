/**
 * Operators in the Vector API, one class an operator. The only package that names {@code
 * jdk.incubator.vector}.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.cpu;
