// The theme is set before anything is painted: a white flash at night blinds for minutes.
(function () {
  var theme = null;
  try {
    theme = JSON.parse(localStorage.getItem("trapline.theme"));
  } catch (e) {
    // Private windows may refuse; then the system's theme counts.
  }
  if (["light", "dark", "red"].indexOf(theme) >= 0) {
    document.documentElement.setAttribute("data-theme", theme);
  }
})();
