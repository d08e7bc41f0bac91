/* Passkeys: what the server asked is handed to the browser, its answer goes back in a form. */

(() => {
  const told = () => { document.getElementById("passkey-trouble")?.removeAttribute("hidden"); };

  async function add(form) {
    const answer = await fetch(form.dataset.begin, { method: "POST", headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value } });
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(await answer.json());
    send(form, await navigator.credentials.create({ publicKey: options }));
  }

  async function show(form) {
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(document.getElementById("passkey-options").textContent));
    send(form, await navigator.credentials.get({ publicKey: options }));
  }

  function send(form, credential) {
    form.elements.answer.value = JSON.stringify(credential.toJSON());
    form.submit();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!("passkey" in form.dataset)) return;
    event.preventDefault();
    (form.dataset.begin ? add(form) : show(form)).catch(told);
  });
})();
