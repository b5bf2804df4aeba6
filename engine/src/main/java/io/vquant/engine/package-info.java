/** Placeholder text, replaced with the module. */
package io.vquant.engine;
