
"serve

xy