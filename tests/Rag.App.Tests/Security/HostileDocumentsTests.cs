using System.Collections.Concurrent;
using Microsoft.Playwright;
using Rag.App.Tests.Pages;

namespace Rag.App.Tests.Security;

/// <summary>Documents are data: what is in one, in its title, its address or a question about it is shown and does nothing.</summary>
public sealed class HostileDocumentsTests(Site site)
{
    private const string Collection = "hostile";

    /// <summary>Each would call window.pwned, open a dialog or fetch something, if it were more than text.</summary>
    private static readonly string[] Payloads =
    [
        "<script>window.pwned=1;alert(1)</script>", "<img src=x onerror=\"window.pwned=1;alert(1)\">", "<svg onload=\"window.pwned=1\"><animate onbegin=\"window.pwned=1\" attributeName=x dur=1s></svg>",
        "<iframe srcdoc=\"<script>parent.pwned=1</script>\"></iframe>", "[click](javascript:window.pwned=1)", "[data](data:text/html,<script>opener.pwned=1</script>)", "![pixel](http://tracker.example/pixel.png?q=1)",
        "<link rel=stylesheet href=//tracker.example/a.css>", "<base href=//tracker.example/>", "<meta http-equiv=refresh content=\"0;url=//tracker.example/\">", "<form action=//tracker.example/><button autofocus onfocus=\"window.pwned=1\">x</button></form>",
        "</p></main></body><script>window.pwned=1</script>", "\"><script>window.pwned=1</script>", "' onmouseover='window.pwned=1", "{{constructor.constructor('window.pwned=1')()}}", "<style>@import '//tracker.example/a.css';body{display:none}</style>",
    ];

    [Fact]
    public async Task Nothing_in_a_document_runs_or_fetches_on_any_page()
    {
        string text = string.Join("\n\n", Payloads.Select((p, n) => $"Valve {n} is described as {p} and it is checked every week."));
        await site.AddAsync(Collection, "hostile <script>window.pwned=1</script>.md", $"# Valves <img src=x onerror=window.pwned=1>\n\n{text}");
        await site.AddAsync(Collection, "page.html", $"<!DOCTYPE html><title>&lt;svg onload=window.pwned=1&gt;</title><body onload=\"window.pwned=1\"><h1>Pumps</h1>{string.Concat(Payloads)}<p>The pump of the page is painted blue every year by the staff of the station.</p></body>");
        await site.WaitForEmbeddingAsync(Collection);
        var documents = await site.DocumentsAsync(Collection);
        documents.Count.ShouldBe(2);
        var pages = new List<string> { $"/documents?collection={Collection}", "/security", "/operate" };
        pages.AddRange(documents.Select(d => $"/documents/{Collection}/{d.Id}"));
        pages.AddRange(documents.Select(d => $"/documents/{Collection}/{d.Id}/delete"));
        pages.AddRange(Payloads.Select(p => $"/?q={Uri.EscapeDataString("How is valve 3 described? " + p)}&collection={Collection}"));
        pages.AddRange(Enumerable.Range(0, 6).Select(n => $"/?q={Uri.EscapeDataString($"What is valve {n} described as?")}&collection={Collection}&source=1"));
        pages.AddRange(Payloads.Take(6).Select(p => $"/documents/{Uri.EscapeDataString(p)}/{Uri.EscapeDataString(p)}"));
        pages.AddRange(Payloads.Take(6).Select(p => $"/runbook/{Uri.EscapeDataString(p)}"));
        var (dialogs, foreign) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        await using var visit = await site.VisitAsync("/documents");
        visit.Page.Dialog += (_, dialog) =>
        {
            dialogs.Add($"{visit.Page.Url}: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        visit.Page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(site.Url, StringComparison.Ordinal)) foreign.Add(request.Url);
        };
        // A violation says that something was tried and only the policy kept it back: nothing may even be tried.
        await visit.Page.AddInitScriptAsync("window.violations = []; document.addEventListener('securitypolicyviolation', e => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));");
        var ran = new List<string>();
        foreach (string page in pages)
        {
            await visit.Page.GotoAsync(page, new() { WaitUntil = WaitUntilState.Load });
            string found = await visit.Page.EvaluateAsync<string>("() => JSON.stringify({ pwned: window.pwned ?? null, violations: window.violations, active: [...document.querySelectorAll('main script, main iframe, main object, main embed, main base, main link, main meta, main [onload], main [onerror], main [onfocus], a[href^=\"javascript:\" i], a[href^=\"data:\" i]')].map(e => e.outerHTML.slice(0, 80)) })");
            if (found != "{\"pwned\":null,\"violations\":[],\"active\":[]}") ran.Add($"{page}: {found}");
        }
        ran.ShouldBeEmpty();
        dialogs.ShouldBeEmpty();
        foreign.ShouldBeEmpty();
    }
}
