package io.vquant.weights.safetensors;

import io.vquant.weights.ElementType;
import java.util.List;

/**
 * What a header says of one tensor.
 *
 * @param begin first byte, from the start of the data part
 * @param end byte after the last, from the start of the data part
 */
record TensorEntry(String name, ElementType type, List<Long> shape, long begin, long end) {}
