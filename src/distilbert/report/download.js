// the predictions that are in the page, as a file
for (const button of document.querySelectorAll("button[data-file]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = JSON.parse(document.getElementById("predictions-data").textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = button.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  });
}
