# SPDX-License-Identifier: Apache-2.0
# Makes a text file the string page_style of C.
1i\
extern const char page_style[];\
const char page_style[] =
s/[\"]/\\&/g
s/.*/    "&\\n"/
$a\
    ;
