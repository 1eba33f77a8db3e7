namespace Rag.Testing.Console;

/// <summary>
/// Every page of the console, each in the states that look different. The browser tests, <c>./verify console</c> and
/// <c>./screenshots</c> go through this list, and no other.
/// </summary>
public static class ConsolePages
{
    public static IReadOnlyList<ConsolePage> All { get; } =
    [
        new("first-run", "A console with nothing in it says in three steps how to get from there to the first answer.", "/") { Server = ConsoleServer.Empty },
        new("sign-in", "Whoever has a key, or an account at the organisation's single sign-on, signs in here.", "/sign-in?return=%2F") { Server = ConsoleServer.Keyed },
        new("welcome", "The Ask page takes a question and names what it can be asked about.", "/"),
        new("answer", "An answer stands in the documents' own words, each sentence with the number of its source, and the source is open beside it with the quoted span marked.", s => Task.FromResult(Ask(s.Content.Question))),
        new("permanent-answer", "An answer keeps an address of its own, which can be sent to others, with why it is what it is: what was looked for, what was read, and how well it fitted.", s => s.AnswerAsync()),
        new("abstained", "Where the documents do not say it, the Ask page says so and shows what was looked at.", s => Task.FromResult(Ask(s.Content.Foreign))),
        new("failure", "A request that cannot be answered says what is wrong and what to do.", "/?q=anything&collection=nowhere") { Status = 404 },
        new("history", "The history lists what was asked in this browser; it stays in the browser, and goes when its owner signs out.", "/history"),
        new("documents", "The Documents page lists what is in a collection, and takes new files.", "/documents"),
        new("new-collection", "A collection is made with a name and the language that its words are read in.", "/documents") { Opens = ["New collection"] },
        new("upload", "Files that are dropped or chosen are added one after the other, and each says what became of it.", "/documents?collection=default")
        {
            Sends = [("ok.md", "# Fine\n\nThis one is fine."), ("empty.md", "")],
        },
        new("document", "A document is shown as it was read, with its versions, and with the span that an answer quotes marked.", async s => $"{await s.DocumentAsync()}?version=1&start=10&end=60#quote"),
        new("differences", "Two versions of a document are compared line by line, with the words that changed marked.", async s => $"{await s.RevisedAsync()}/differences?from=1&to=2"),
        new("cited", "A document lists the answers that quote it, so that whoever changes it knows who was told what.", async s =>
        {
            await s.AnswerAsync();
            return $"{await s.DocumentAsync()}/cited";
        }),
        new("delete", "Before a document is deleted, the page says what goes with it.", async s => $"{await s.DocumentAsync()}/delete"),
        new("not-found", "An address that leads nowhere says so and leads back.", "/nothing/there") { Status = 404 },
        new("operate", "The overview says first whether something is wrong and what comes next, then how things stand: incidents, objectives, replicas, dependencies, backups, certificates.", "/operate"),
        new("objectives", "Each objective is shown with what is left of its error budget and how fast that burns, as a chart and as a table, and the runbook's checklist with every line measured.", "/operate/objectives") { Opens = ["Error rate by the day"] },
        new("cache", "The cache is shown with how often each layer helps, what it holds, and how Redis does; it is asked and emptied here.", "/operate/cache"),
        new("cache-clear", "Before the cache is emptied, the page says what that does.", "/operate/cache/clear"),
        new("settings", "Every setting is shown with its value, its unit, where the value comes from and what it would be otherwise; of secrets it is only said that they are set.", "/operate/settings?find=caching"),
        new("incidents", "Incidents are listed with their severity, the deadline for somebody to acknowledge them, and who has them.", s => s.IncidentsAsync()),
        new("incident", "An incident has its alerts, its timeline, its action items and what can be done about it on one page.", s => s.IncidentAsync()),
        new("runbook", "The runbook lists its procedures, each of which can be walked step by step.", "/runbook"),
        new("section", "A section of the runbook says when it applies and what its steps are.", "/runbook/planned-deployments"),
        new("run", "A walk through a section keeps the result of each step as evidence.", s => s.WalkAsync()),
        new("maintenance", "Read-only mode, maintenance windows and the whole maintenance procedure are begun and ended here.", s => s.MaintenanceAsync()),
        new("backups", "Backups are listed with the evidence that they can be restored: when each was verified, and by which drill.", s => s.BackupsAsync()),
        new("drill", "A drill restores a backup into a place of its own and shows step by step what it found there.", s => s.DrillAsync()),
        new("schedules", "What the service does by itself is listed with when it ran last, what came of it, and when it runs next.", async s => $"{await s.RetentionAsync()}/schedules"),
        new("retention", "Retention shows what is kept for how long, and the holds that keep something longer.", async s => $"{await s.RetentionAsync()}/retention"),
        new("security", "The Security page shows what looked like an attack, which callers it came from, certificates, weaknesses of dependencies and canaries.", s => s.AttackedAsync()),
        new("access", "Keys and grants say who may do what, and are made, rotated and revoked here.", s => s.AccessAsync()) { Opens = ["New key", "New grant"] },
        new("audit", "The audit record says who did what, newest first, and proves that it is what was signed.", "/audit"),
        new("audit-record", "A record of the audit record is shown with the proof that it lies under a signed checkpoint.", s => s.AuditRecordAsync()),
        new("reports", "Compliance reports are made for a month and kept.", "/reports"),
        new("report", "A report gathers the evidence of a month, each figure with where it comes from.", s => s.ReportAsync()),
        new("review", "The access review lists everybody who may do something, so that somebody confirms or removes it.", "/reviews/access"),
    ];

    public static ConsolePage Named(string name) => All.Single(p => p.Name == name);

    private static string Ask(string question) => $"/?q={Uri.EscapeDataString(question)}&collection=default";
}
