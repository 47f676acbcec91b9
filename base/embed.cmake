# Turns the bytes of IN into a C array SYMBOL with its length SYMBOL_size in OUT.
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n"
       bytes "${bytes}")
file(WRITE ${OUT} "#include \"base/types.h\"\nextern const u8 ${SYMBOL}[];\nextern const size_t ${SYMBOL}_size;\n"
     "const u8 ${SYMBOL}[] = {\n${bytes}};\nconst size_t ${SYMBOL}_size = ${size};\n")
