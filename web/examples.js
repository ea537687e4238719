// SPDX-License-Identifier: Apache-2.0
// What stands in the fields at first, for a model that reads many languages and for one that may
// read English alone.
const shared = {
  query: "How do I keep bread fresh?",
  question: "How large is the library?",
  passage: `The town library moved into the old railway depot in 1998. The building had stood empty for eleven years before that, and most people expected it to be torn down. Instead the halls were joined by a glass roof, and the tracks became aisles.

It holds some two hundred thousand volumes today. A third of them are in the open halls, the rest in the cellar, from where a small lift brings them up within minutes. On the upper floor there are desks for sixty readers. They are nearly always taken.

The depot's café opens at nine. Its owner bakes the cakes herself, and on Thursdays she plays the accordion. Visitors who come by train can still walk straight from platform two into the reading room.`,
};

export const multilingualExamples = {
  ...shared,
  compare: `A cat sleeps on the warm windowsill.
Eine Katze schläft auf der warmen Fensterbank.
El gato duerme al sol, junto a la ventana.
The central bank raised interest rates again.
Die Zentralbank hat die Zinsen erneut erhöht.
中央银行再次提高了利率。
Knead the dough, then let it rest for an hour.
Faites reposer la pâte pendant une heure.`,
  documents: `Store a loaf in a paper bag at room temperature and freeze what you will not eat within two days.
Sourdough starters should be fed with flour and water once a day.
Das Brot bleibt länger frisch, wenn man es in ein Leinentuch wickelt.
The price of wheat rose by four percent in spring.
In the refrigerator bread turns stale faster, because starch crystallises in the cold.
Freshly laid eggs keep for about four weeks.`,
};

export const englishExamples = {
  ...shared,
  compare: `A cat sleeps on the warm windowsill.
Our kitten is napping in the sun.
The pet has curled up behind the glass.
The central bank raised interest rates again.
Borrowing money has become more expensive.
Homeowners will have to pay more for their loans.
Knead the dough, then let it rest for an hour.
A loaf has to rise before it is baked.`,
  documents: `Store a loaf in a paper bag at room temperature and freeze what you will not eat within two days.
Sourdough starters should be fed with flour and water once a day.
Wrapped in a linen cloth, a loaf stays soft for longer.
The price of wheat rose by four percent in spring.
In the refrigerator bread turns stale faster, because starch crystallises in the cold.
Freshly laid eggs keep for about four weeks.`,
};
