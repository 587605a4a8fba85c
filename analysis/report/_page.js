(async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), (letter) => letter.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { program, figures } = await new Response(unpacked).json();
  const script = document.createElement("script");
  script.textContent = program;
  document.head.append(script);
  for (const [name, figure] of Object.entries(figures)) {
    await Plotly.newPlot(name, figure.data, figure.layout, { displaylogo: false });
  }
  document.body.dataset.drawn = "yes";
})();
