package codec

// valueOf returns the options that opts points to, or the zero value if opts is nil.
func valueOf[T any](opts *T) (o T) {
	if opts != nil {
		o = *opts
	}
	return o
}

// maxLength returns the value of an option MaxLength, in bytes.
func maxLength(option int) (int, error) {
	switch {
	case option < 0:
		return 0, errNegative
	case option == 0:
		return defaultMaxLength, nil
	}
	return option, nil
}
