// Dashes before a word are those of an option: the search would leave out pages with the word, or refuse two of them.
document.addEventListener("input", ({ target }) => {
  if (target.matches(".md-search__input")) target.value = target.value.replace(/(^|\s)-+(?=\w)/g, "$1")
}, true)
