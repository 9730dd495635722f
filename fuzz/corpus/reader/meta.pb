
"serve

xy
a