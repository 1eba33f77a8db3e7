using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Rag.Testing.Console;
using static Microsoft.Playwright.Assertions;

namespace Rag.Bench.Verify.Console;

/// <summary>What people do on the console, from the first click to what came of it, on both engines.</summary>
internal static class FlowsCheck
{
    private const float SlowMs = 60_000;

    private sealed record Flow(string Name, Func<Steps, Task> WalkAsync);

    private static readonly IReadOnlyList<Flow> Flows =
    [
        new("ask", AskAsync), new("documents", DocumentsAsync), new("incident", IncidentAsync), new("runbook", RunbookAsync), new("read-only", ReadOnlyAsync),
        new("backup", BackupAsync), new("audit", AuditAsync), new("keyboard", KeyboardAsync),
    ];

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        var world = await context.ConsoleAsync();
        var engines = context.Quick ? [ConsoleEngines.Sqlite] : ConsoleEngines.All;
        var flows = context.Quick ? Flows.Where(f => f.Name is "ask" or "incident" or "keyboard").ToList() : Flows;
        var failed = new List<string>();
        int steps = 0;
        foreach (string engine in engines)
        {
            var site = await world.SiteAsync(engine, ct);
            foreach (var flow in flows)
            {
                ct.ThrowIfCancellationRequested();
                await using var visit = await world.VisitAsync(configure: o =>
                {
                    o.BaseURL = site.Filled.Http.BaseAddress!.ToString();
                    o.Permissions = ["clipboard-read", "clipboard-write"];
                });
                var walk = new Steps(world, site, visit);
                try
                {
                    await flow.WalkAsync(walk);
                    await walk.StepAsync("the browser complains of nothing", () => visit.Complaints.Count == 0 ? Task.CompletedTask : throw new InvalidOperationException(string.Join("; ", visit.Complaints)));
                }
                catch (StepFailedException e)
                {
                    // What follows a failed step would fail because of it.
                    failed.Add($"{engine}, {flow.Name}: {e.Message}");
                }
                steps += walk.Done;
            }
        }
        string note = $"{flows.Count} flows, {steps} steps done on {string.Join(" and ", engines)}: {string.Join(", ", flows.Select(f => f.Name))}";
        return ConsoleChecks.Counted(failed, context.Quick ? note + $"; smaller: {flows.Count} of {Flows.Count} flows, one engine of two" : note);
    }

    /// <summary>Ask, open a citation, rate, ask on, find it again, and show it to somebody else.</summary>
    private static async Task AskAsync(Steps s)
    {
        string question = s.Site.State.Content.Question, said = "", link = "";
        await s.StepAsync("a question is answered without a reload", async () =>
        {
            await s.Page.GotoAsync("/");
            await s.Page.EvaluateAsync("window.notReloaded = true");
            await s.Page.Locator("#q").FillAsync(question);
            await s.Page.Locator("#q").PressAsync("Enter");
            await Expect(s.Page.Locator("#answer-title")).ToHaveTextAsync(question);
            if (!await s.Page.EvaluateAsync<bool>("window.notReloaded === true")) throw new InvalidOperationException("the page was loaded anew");
            said = await s.Page.Locator(".answer .prose").First.InnerTextAsync();
        });
        await s.StepAsync("a citation opens the document with the quote marked", async () =>
        {
            await s.Page.Locator("#cite-2").ClickAsync();
            await Expect(s.Page.Locator("#panel-title .cite")).ToHaveTextAsync("2");
            await Expect(s.Page.Locator("#quote")).ToBeInViewportAsync();
            var answer = await s.Site.State.PostAsync("/v1/ask", new { question });
            string marked = string.Concat(await s.Page.Locator("#panel mark").AllTextContentsAsync()), quote = answer.GetProperty("sources")[1].GetProperty("quote").GetString()!;
            if (marked != quote) throw new InvalidOperationException($"“{marked}” is marked, not “{quote}”");
        });
        await s.StepAsync("it says why", async () =>
        {
            await s.Page.Locator("a[data-why]").ClickAsync();
            await Expect(s.Page.Locator("#why")).ToContainTextAsync("source 1");
        });
        await s.StepAsync("it is copied with its sources", async () =>
        {
            await s.Page.Locator("#copy").ClickAsync();
            await Expect(s.Page.Locator("#copy")).ToHaveTextAsync("Copied with sources");
            string copied = await s.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
            if (!copied.Contains("[1]", StringComparison.Ordinal)) throw new InvalidOperationException($"copied was “{copied}”");
        });
        await s.StepAsync("a rating is taken", async () =>
        {
            link = (await s.Page.Locator("a#share").GetAttributeAsync("href"))!;
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Yes", Exact = true }).ClickAsync();
            await Expect(s.Page.Locator(".thanks")).ToHaveTextAsync("Thank you, noted.");
        });
        await s.StepAsync("a follow-up is understood from what was asked before", async () =>
        {
            await s.Page.Locator("#follow-up").FillAsync("And how long are they kept?");
            await s.Page.Locator("#follow-up").PressAsync("Enter");
            await Expect(s.Page.Locator("h1").First).Not.ToHaveTextAsync(question);
            await Expect(s.Page.Locator(".turns")).ToContainTextAsync(question, new() { IgnoreCase = true });
        });
        await s.StepAsync("the history leads back to the answer", async () =>
        {
            await s.Page.GotoAsync("/history");
            await s.Page.GetByRole(AriaRole.Link, new() { Name = question, Exact = true }).ClickAsync();
            await Expect(s.Page).ToHaveURLAsync(new Regex(Regex.Escape(link) + "$"));
            await Expect(s.Page.Locator(".answer .prose").First).ToHaveTextAsync(said, new() { UseInnerText = true });
        });
        await s.StepAsync("the link shows somebody else the same answer", async () =>
        {
            await using var other = await s.World.VisitAsync();
            await other.Page.GotoAsync(new Uri(s.Site.Filled.Http.BaseAddress!, link).ToString());
            await Expect(other.Page.Locator("#answer-title")).ToHaveTextAsync(question, new() { IgnoreCase = true });
            await Expect(other.Page.Locator(".answer .prose").First).ToHaveTextAsync(said, new() { UseInnerText = true });
        });
    }

    /// <summary>Make a collection, drop a file on it, ask it, change it, compare, see where it is cited, delete it.</summary>
    private static async Task DocumentsAsync(Steps s)
    {
        const string Collection = "harbour", Question = "Who mends the lighthouse lamp?", First = "# Lighthouse\n\nThe keeper mends the lighthouse lamp.\n\nThe tower has 90 steps.\n";
        var uploads = s.Page.Locator("#uploads li");
        await s.StepAsync("a collection is made", async () =>
        {
            await s.Page.GotoAsync("/documents");
            await s.Page.GetByText("New collection", new() { Exact = true }).ClickAsync();
            await s.Page.GetByLabel("Name").FillAsync(Collection);
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Create" }).ClickAsync();
            await Expect(s.Page.Locator("#list-title")).ToHaveTextAsync($"0 documents in “{Collection}”");
        });
        await s.StepAsync("a dropped file goes up with its progress", async () =>
        {
            // Slow enough to be seen on its way.
            await s.Page.RouteAsync($"**/v1/collections/{Collection}/documents", async route =>
            {
                await Task.Delay(300);
                await route.ContinueAsync();
            });
            await DropAsync("lighthouse.md", First);
            await Expect(s.Page.GetByRole(AriaRole.Progressbar).First).ToBeVisibleAsync();
            await Expect(uploads).ToContainTextAsync("Added.");
            await Expect(s.Page.Locator("#list-title")).ToHaveTextAsync($"1 document in “{Collection}”");
        });
        await s.StepAsync("it is asked", async () =>
        {
            await s.Page.GetByRole(AriaRole.Link, new() { Name = "Ask these documents" }).ClickAsync();
            await s.Page.Locator("#q").FillAsync(Question);
            await s.Page.Locator("#q").PressAsync("Enter");
            await Expect(s.Page.Locator(".answer .prose").First).ToContainTextAsync("The keeper mends the lighthouse lamp.");
        });
        await s.StepAsync("a changed file is a new version", async () =>
        {
            await s.Page.GotoAsync($"/documents?collection={Collection}");
            await DropAsync("lighthouse.md", First.Replace("90", "96", StringComparison.Ordinal) + "\nThe lamp is lit at dusk.\n");
            await Expect(uploads).ToContainTextAsync("Added as version 2.");
        });
        await s.StepAsync("its differences are shown", async () =>
        {
            await s.Page.Locator("#list").GetByRole(AriaRole.Link, new() { Name = "Lighthouse", Exact = true }).ClickAsync();
            await s.Page.GetByRole(AriaRole.Link, new() { Name = "Differences" }).ClickAsync();
            await Expect(s.Page.Locator(".removed .said del").First).ToHaveTextAsync("90");
            await Expect(s.Page.Locator(".added .said ins").First).ToHaveTextAsync("96");
            await Expect(s.Page.Locator(".differences")).ToContainTextAsync("The lamp is lit at dusk.");
        });
        await s.StepAsync("it says where it is cited", async () =>
        {
            await s.Page.GoBackAsync();
            await s.Page.GetByRole(AriaRole.Link, new() { Name = "Where it is cited" }).ClickAsync();
            await Expect(s.Page.Locator("tbody")).ToContainTextAsync(Question);
            await s.Page.GoBackAsync();
        });
        await s.StepAsync("it is deleted, and what goes with it is said before", async () =>
        {
            await s.Page.GetByRole(AriaRole.Link, new() { Name = "Delete", Exact = true }).ClickAsync();
            await Expect(s.Page.Locator("main")).ToContainTextAsync("lighthouse.md");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Delete", Exact = true }).ClickAsync();
            await Expect(s.Page.Locator(".note.good")).ToHaveTextAsync("The document was deleted.");
            await Expect(s.Page.Locator("#list-title")).ToHaveTextAsync($"0 documents in “{Collection}”");
        });

        async Task DropAsync(string name, string text)
        {
            var data = await s.Page.EvaluateHandleAsync("([name, text]) => { const data = new DataTransfer(); data.items.add(new File([text], name)); return data; }", new[] { name, text });
            await s.Page.DispatchEventAsync("main", "dragenter", new { dataTransfer = data });
            await s.Page.DispatchEventAsync("main", "drop", new { dataTransfer = data });
        }
    }

    private static async Task IncidentAsync(Steps s)
    {
        const string Title = "Badges cannot be printed";
        var main = s.Page.Locator("main");
        await s.StepAsync("an incident is opened", async () =>
        {
            await s.Page.GotoAsync("/incidents");
            await s.Page.GetByLabel("What is wrong, in a line").FillAsync(Title);
            await s.Page.GetByLabel("Severity").SelectOptionAsync("P1");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Open", Exact = true }).ClickAsync();
            await Expect(s.Page.Locator("h1")).ToHaveTextAsync(Title);
            await Expect(s.Page.Locator("time[data-deadline]").First).ToHaveTextAsync(new Regex("^in (59|60) min$"));
        });
        await s.StepAsync("it is acknowledged", async () =>
        {
            await s.Page.GetByLabel("Who has it").SelectOptionAsync("on-call-engineer");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Acknowledge" }).ClickAsync();
            await Expect(main).ToContainTextAsync("in time");
        });
        await s.StepAsync("the bar counts it", () => Expect(s.Page.Locator(".open-incidents .count")).Not.ToHaveTextAsync("0"));
        await s.StepAsync("it is resolved", async () =>
        {
            await s.Page.GetByLabel("What ended it").FillAsync("New paper");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Resolve" }).ClickAsync();
            await Expect(s.Page.GetByRole(AriaRole.Button, new() { Name = "Open again" })).ToBeVisibleAsync();
            await s.Page.GotoAsync("/incidents");
            await Expect(main).Not.ToContainTextAsync(Title);
        });
    }

    private static async Task RunbookAsync(Steps s)
    {
        await s.StepAsync("a walk is begun", async () =>
        {
            await s.Page.GotoAsync("/runbook/cache-issues");
            await s.Page.GetByLabel("Your name").FillAsync("Ada");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Walk this section" }).ClickAsync();
            await Expect(s.Page).ToHaveURLAsync(new Regex(@"\?run="));
        });
        await s.StepAsync("a step is run by the server", async () =>
        {
            await s.Page.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^Run step ") }).First.ClickAsync();
            await Expect(s.Page.Locator(".evidence.good").First).ToContainTextAsync("exit code 0", new() { Timeout = SlowMs });
        });
        await s.StepAsync("a step is told", async () =>
        {
            string name = (await s.Page.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^Record step ") }).First.GetAttributeAsync("aria-label"))!, step = name["Record step ".Length..];
            await s.Page.GetByLabel($"Step {step} is done").CheckAsync();
            await s.Page.GetByLabel($"Note on step {step}").FillAsync("looked");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = name, Exact = true }).ClickAsync();
            await Expect(s.Page.Locator($"#step-{step}")).ToContainTextAsync("looked");
        });
        await s.StepAsync("it is ended and kept", async () =>
        {
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "End the run" }).ClickAsync();
            await Expect(s.Page.Locator("main .note").First).ToContainTextAsync("by Ada");
            await Expect(s.Page.GetByRole(AriaRole.Button, new() { Name = "End the run" })).ToHaveCountAsync(0);
        });
    }

    private static async Task ReadOnlyAsync(Steps s)
    {
        await s.StepAsync("read-only mode is turned on, and every page says so", async () =>
        {
            await s.Page.GotoAsync("/operate/maintenance");
            var form = s.Page.Locator("section[aria-labelledby='read-only']");
            await form.GetByLabel("Why").FillAsync("New disk");
            await form.GetByLabel("How long").FillAsync("5m");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Refuse writes" }).ClickAsync();
            await Expect(s.Page.Locator(".maintenance")).ToContainTextAsync("Read-only now: New disk.");
            await s.Page.GotoAsync("/documents");
            await Expect(s.Page.Locator(".maintenance")).ToContainTextAsync("Nothing can be added or changed until");
        });
        await s.StepAsync("it is turned off", async () =>
        {
            await s.Page.GotoAsync("/operate/maintenance");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Take writes again" }).ClickAsync();
            await Expect(s.Page.Locator(".maintenance")).ToHaveCountAsync(0);
        });
    }

    private static async Task BackupAsync(Steps s)
    {
        int before = 0;
        var rows = s.Page.Locator("#backups-here tbody tr");
        await s.StepAsync("a backup is made", async () =>
        {
            await s.Page.GotoAsync("/operate/backups");
            before = await rows.CountAsync();
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Back up now" }).ClickAsync();
            await EventuallyAsync(s.Page, async () => await rows.CountAsync() > before && await rows.First.GetByRole(AriaRole.Button).CountAsync() > 0);
        });
        await s.StepAsync("a drill shows the evidence that it can be restored", async () =>
        {
            await rows.First.GetByRole(AriaRole.Button, new() { NameRegex = new Regex("^Drill ") }).ClickAsync();
            await EventuallyAsync(s.Page, async () => (await rows.First.InnerTextAsync()).Contains("drilled", StringComparison.Ordinal));
            await s.Page.Locator("#drill-list tbody th a").First.ClickAsync();
            await Expect(s.Page.Locator("main")).ToContainTextAsync("passed");
        });
    }

    private static async Task AuditAsync(Steps s)
    {
        await s.StepAsync("the record is searched", async () =>
        {
            await s.Page.GotoAsync("/audit");
            await s.Page.GetByLabel("Action").FillAsync("collection.*");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Search" }).ClickAsync();
            await Expect(s.Page.Locator("tbody th a").First).ToHaveTextAsync(new Regex("^collection"));
        });
        await s.StepAsync("a record proves that it is under a signed checkpoint", async () =>
        {
            await s.Page.Locator("tbody th a").First.ClickAsync();
            var proof = s.Page.Locator("section[aria-labelledby='proof'] .note");
            // The leader signs one a minute.
            await EventuallyAsync(s.Page, async () => (await proof.InnerTextAsync()).Contains("under the signed checkpoint below", StringComparison.Ordinal) && await proof.EvaluateAsync<bool>("note => note.classList.contains('good')"));
        });
        await s.StepAsync("the whole record is compared with what was signed", async () =>
        {
            await s.Page.GotoAsync("/audit");
            await s.Page.GetByRole(AriaRole.Button, new() { Name = "Compare the whole record with what was signed" }).ClickAsync();
            await Expect(s.Page.Locator("#verified")).ToHaveTextAsync("The record is what was signed", new() { Timeout = SlowMs });
        });
    }

    /// <summary>No mouse is touched.</summary>
    private static async Task KeyboardAsync(Steps s)
    {
        var keys = s.Page.Keyboard;
        await s.StepAsync("/ asks", async () =>
        {
            await s.Page.GotoAsync("/documents");
            await keys.PressAsync("/");
            await Expect(s.Page.Locator("#q")).ToBeFocusedAsync();
            await keys.TypeAsync(s.Site.State.Content.Question);
            await keys.PressAsync("Enter");
            await Expect(s.Page.Locator("#answer-title")).ToHaveTextAsync(s.Site.State.Content.Question);
        });
        await s.StepAsync("a citation is reached and opened", async () =>
        {
            await TabToAsync("cite-1");
            await keys.PressAsync("Enter");
            await Expect(s.Page.Locator("#panel-title")).ToBeFocusedAsync();
        });
        foreach (var (key, path) in new[] { ("i", "/incidents"), ("d", "/documents"), ("o", "/operate") })
        {
            await s.StepAsync($"g {key} goes to {path}", async () =>
            {
                await keys.PressAsync("g");
                await keys.PressAsync(key);
                await Expect(s.Page).ToHaveURLAsync(new Regex(Regex.Escape(path) + "$"));
            });
        }
        await s.StepAsync("? lists the keys, and Escape closes the list", async () =>
        {
            await keys.PressAsync("?");
            await Expect(s.Page.Locator("dialog#keys")).ToBeVisibleAsync();
            await keys.PressAsync("Escape");
            await Expect(s.Page.Locator("dialog#keys")).ToBeHiddenAsync();
        });
        await s.StepAsync("Ctrl+K finds a page by another name", async () =>
        {
            await keys.PressAsync("Control+k");
            await Expect(s.Page.Locator("dialog#palette input")).ToBeFocusedAsync();
            await keys.TypeAsync("checkpoint");
            await keys.PressAsync("Enter");
            await Expect(s.Page).ToHaveURLAsync(new Regex("/audit$"));
        });
        await s.StepAsync("Ctrl+K asks what is no page", async () =>
        {
            await keys.PressAsync("Control+k");
            await keys.TypeAsync(s.Site.State.Content.Question);
            await keys.PressAsync("Enter");
            await Expect(s.Page.Locator("#answer-title")).ToHaveTextAsync(s.Site.State.Content.Question);
        });

        async Task TabToAsync(string id)
        {
            for (int i = 0; i < 60; i++)
            {
                await keys.PressAsync("Tab");
                if (await s.Page.EvaluateAsync<string>("document.activeElement.id") == id) return;
            }
            throw new InvalidOperationException($"the keyboard does not reach #{id}");
        }
    }

    /// <summary>Loads the page again until it says so, as somebody with scripts off would.</summary>
    private static async Task EventuallyAsync(IPage page, Func<Task<bool>> holds)
    {
        long started = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(started).TotalMilliseconds > 1.5 * SlowMs) throw new InvalidOperationException("it did not come to be");
            await page.WaitForTimeoutAsync(500);
            await page.GotoAsync(page.Url);
        }
    }

    private sealed class StepFailedException(string step, Exception why) : Exception($"{step}: {why.Message.Split("\nCall log", 2)[0].ReplaceLineEndings(" ")}");

    private sealed class Steps(ConsoleWorld world, ConsoleSite site, Visit visit)
    {
        public ConsoleWorld World => world;

        public ConsoleSite Site => site;

        public IPage Page => visit.Page;

        public int Done { get; private set; }

        public async Task StepAsync(string name, Func<Task> step)
        {
            try
            {
                await step();
                Done++;
            }
            catch (Exception e) when (e is PlaywrightException or TimeoutException or InvalidOperationException or HttpRequestException or JsonException)
            {
                throw new StepFailedException(name, e);
            }
        }
    }
}
