/**
 * Mathematics on tensors: operators, caches and the backends that run them. Knows no model and no
 * file.
 */
package io.vquant.kernels;
