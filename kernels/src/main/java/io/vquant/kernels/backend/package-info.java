/**
 * The seam between a model and a device: one interface an operator, chosen once at load. Running an
 * operator allocates nothing and never falls back to another path in silence.
 */
@org.jspecify.annotations.NullMarked
package io.vquant.kernels.backend;
