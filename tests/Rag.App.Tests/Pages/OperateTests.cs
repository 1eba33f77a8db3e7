using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Microsoft.Extensions.DependencyInjection;
using Rag.App.Pages;
using Rag.App.Tests.Access;
using Rag.Caching;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Slo;
using Rag.Storage;
using Rag.Testing;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

/// <summary>The pages of operators say what the HTTP interface says.</summary>
public sealed class OperateTests(Site site)
{
    private const string Question = "Where do zebrafinches stand?";

    /// <summary>Words only, and nothing that counts beside what the test does.</summary>
    private static readonly (string, string)[] Quiet = [("Inference:Provider", "none"), ("Telemetry:ProbeIntervalSeconds", "0"), ("Server:ReplicaName", "web-1")];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_overview_says_what_the_interface_says()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        await AskedAsync(server, 5);
        string incident = await OpenedAsync(server, "Badges cannot be printed", "P1");
        await OperatedAsync(server, "/admin/v1/backups", new { kind = "daily" });
        var drilled = await OperatedAsync(server, "/admin/v1/backups/drills", new { });
        JsonElement status = default;
        IDocument page = null!;
        // Replicas say every few seconds that they run, and the page is a few seconds old at most.
        await EventuallyAsync(async () =>
        {
            status = await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/status", Cancel);
            page = await PageAsync(server.Http, "/operate");
            return page.QuerySelector("#replicas tbody th") is not null && page.QuerySelector("#incidents a[href^='/incidents/']") is not null && Cell(page, "latency", 2) == "100.00 %";
        });
        page.QuerySelector("h1")!.TextContent.ShouldBe("One thing needs somebody now");
        page.QuerySelectorAll(".troubles li").First().QuerySelector("a")!.GetAttribute("href").ShouldBe($"/incidents/{incident}");
        page.QuerySelectorAll(".troubles li").Select(l => $"{l.QuerySelector(".state")!.TextContent}: {l.QuerySelector("a")!.TextContent}").ShouldBe(["Now: P1 Badges cannot be printed", "By day: The embedding model is down", "By day: Backups are overdue: weekly never, monthly never"]);

        foreach (var o in status.GetProperty("objectives").EnumerateArray().Where(o => o.GetProperty("name").GetString() is "latency" or "cache"))
        {
            string name = o.GetProperty("name").GetString()!;
            Cell(page, name, 1).ShouldBe("few events");
            Cell(page, name, 2).ShouldBe(SloReport.Percent(o.GetProperty("attained").GetDouble(), o.GetProperty("target").GetDouble()));
            Cell(page, name, 3).ShouldBe(Figures.Percent(o.GetProperty("budget_left").GetDouble()));
        }
        page.QuerySelector("#objectives tbody a[href='/operate/objectives#objective-availability']").ShouldNotBeNull();
        var replica = status.GetProperty("replicas")[0];
        Row(page, "#replicas").ShouldContain("web-1, leads, this one");
        Row(page, "#replicas").ShouldContain("up");
        page.QuerySelector("#replicas td[data-label=Position]")!.TextContent.ShouldBe(Show.Number(replica.GetProperty("index_position").GetInt64()));
        page.QuerySelectorAll("#dependencies tbody th").Select(h => h.TextContent.Trim()).ShouldBe([.. status.GetProperty("dependencies").EnumerateArray().Select(d => d.GetProperty("name").GetString()!), "index"]);
        string care = page.QuerySelector("#care")!.TextContent;
        care.ShouldContain("drilled daily, just now");
        page.QuerySelector($"#care a[href='/operate/backups/drills/{drilled.GetProperty("result").GetProperty("id").GetString()}']")!.TextContent.ShouldBe("passed");

        // Every part that may change has an address of its own, and names what it hears of.
        string[] topics = ["state", "incidents", "documents", "clock"];
        foreach (var part in page.QuerySelectorAll("[data-live]"))
        {
            page.QuerySelectorAll($"[id='{part.Id}']").Length.ShouldBe(1, part.Id);
            part.GetAttribute("data-live")!.Split(' ').ShouldBeSubsetOf(topics);
        }
        page.QuerySelectorAll("main [data-live]").Length.ShouldBe(6);
    }

    [Fact]
    public async Task Hundreds_of_looks_at_the_overview_read_the_record_once_in_two_seconds()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        await PageAsync(server.Http, "/operate");
        var readings = server.Services.GetRequiredService<OperateReadings>();
        var began = readings.Record.Last!.At;
        var seen = new HashSet<DateTimeOffset>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 20, CancellationToken = Cancel }, async (_, ct) =>
        {
            using var response = await server.Http.GetAsync("/operate", ct);
            response.EnsureSuccessStatusCode();
            lock (seen) seen.Add(readings.Record.Last!.At);
        });
        seen.Count.ShouldBeLessThanOrEqualTo(2 + (int)((readings.Record.Last!.At - began).TotalSeconds / 2));
    }

    [Fact]
    public async Task Objectives_are_the_interfaces_and_every_chart_has_its_table()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        long today = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 86_400 * 1_440;
        // Two days long past, with nothing between them: half of the budget goes on the first.
        await server.Services.GetRequiredService<Database>().WriteAsync(async tx =>
        {
            foreach (var (minute, good) in new[] { (today - 5 * 1_440 + 3, 995L), (today - 5 * 1_440 + 700, 1_000L), (today - 2 * 1_440, 1_000L) })
            {
                await using var command = tx.Connection!.CreateCommand();
                (command.Transaction, command.CommandText) = (tx, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO slo_minutes (minute, objective, good, total) VALUES ({minute}, 'latency', {good}, 1000)"));
                await command.ExecuteNonQueryAsync(Cancel);
            }
            return 0;
        }, Cancel);
        var slo = await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/slo", Cancel);
        var page = await PageAsync(server.Http, "/operate/objectives");
        page.QuerySelectorAll("svg.chart").Length.ShouldBe(page.QuerySelectorAll("svg.chart ~ details table").Length);
        foreach (var o in slo.GetProperty("objectives").EnumerateArray())
        {
            var card = page.GetElementById($"objective-{o.GetProperty("name").GetString()}").ShouldNotBeNull();
            card.QuerySelector("h2")!.TextContent.ShouldContain(o.GetProperty("promise").GetString()!);
            if (o.GetProperty("name").GetString() != "latency") continue;
            card.QuerySelector(".figure")!.TextContent.ShouldBe(SloReport.Percent(o.GetProperty("attained").GetDouble(), 0.95));
            card.QuerySelector(".budget")!.TextContent.ShouldContain(Figures.Percent(o.GetProperty("budget_left").GetDouble()));
            card.QuerySelector(".burn")!.TextContent.ShouldContain("3d");
            string Day(int ago) => DateTimeOffset.UnixEpoch.AddMinutes(today - ago * 1_440).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            // 5 bad of 3,000 where 150 may be.
            card.QuerySelectorAll("tbody tr").Select(r => string.Join(" | ", r.Children.Select(c => c.TextContent))).ShouldBe(
                [$"{Day(2)} | 1,000 | 1,000 | 100.00 % | 96.7 %", $"{Day(5)} | 1,995 | 2,000 | 99.75 % | 96.7 %"]);
        }
        var lines = (await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/checklist", Cancel)).GetProperty("lines").EnumerateArray().Select(l => l.GetProperty("line").GetString()!);
        page.QuerySelectorAll("#checklist tbody th").Select(h => h.TextContent).ShouldBe(lines);
    }

    [Fact]
    public async Task The_cache_is_shown_asked_and_emptied_after_a_question()
    {
        if (!RedisServer.Installed && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("Redis is not installed: Debian's package redis-server has it.");
        await using var redis = await RedisServer.StartAsync(Cancel);
        await using var server = await RunningServer.StartAsync([.. Quiet, ("Caching:Redis:Endpoints", redis.Endpoint)]);
        await EventuallyAsync(async () => (await CacheAsync(server)).GetProperty("redis").GetProperty("circuit").GetString() == "closed");
        await redis.CallAsync(Cancel, "SET", "somebody-elses", "1");
        await AskedAsync(server, 4);
        // On a busy machine Redis may be too slow for a question, and what it said is not written.
        int more = 0;
        await EventuallyAsync(async () =>
        {
            using (await server.Http.PostAsJsonAsync("/v1/ask", new { question = $"{Question} {++more}" }, Cancel)) { }
            return (await CacheAsync(server)).GetProperty("redis").TryGetProperty("keys", out var keys) && keys.GetInt64() > 0;
        });
        var stats = await CacheAsync(server);
        IDocument page = null!;
        await EventuallyAsync(async () =>
        {
            page = await PageAsync(server.Http, CachePages.Path);
            return page.QuerySelectorAll("#layers tbody td.n").Select(c => c.TextContent).SequenceEqual(stats.GetProperty("layers").EnumerateArray().SelectMany(l => new[]
            {
                Show.Number(l.GetProperty("requests").GetInt64()), Show.Number(l.GetProperty("hits").GetInt64()), l.TryGetProperty("hit_rate", out var rate) ? Figures.Percent(rate.GetDouble()) : "–",
            }));
        });
        page.QuerySelector("#process")!.TextContent.ShouldContain($"{Show.Size(stats.GetProperty("size_bytes").GetInt64())} of {Show.Size(stats.GetProperty("max_size_bytes").GetInt64())}");
        page.QuerySelector("#redis")!.TextContent.ShouldContain("closed: Redis is asked");
        Row(page, "#redis").ShouldContain(redis.Endpoint);

        using var pinged = await PostAsync(server, $"{CachePages.Path}/ping", page);
        string pong = Parse(await pinged.Content.ReadAsStringAsync(Cancel)).QuerySelector(".note[role=status]")!.TextContent;
        pong.ShouldContain("Redis answers.");
        pong.ShouldMatch(@"answered after [\d.]+ ms");

        using (var sneaked = await server.Http.PostAsync($"{CachePages.Path}/clear", new FormUrlEncodedContent([]), Cancel)) sneaked.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await CacheAsync(server)).GetProperty("entries").GetInt64().ShouldBe(stats.GetProperty("entries").GetInt64());
        var confirm = await PageAsync(server.Http, $"{CachePages.Path}/clear");
        confirm.QuerySelector("h1")!.TextContent.ShouldBe("Clear the cache?");
        confirm.QuerySelector("ul")!.TextContent.ShouldContain(Show.Count(stats.GetProperty("entries").GetInt64(), "entry", "entries"));
        using var cleared = await PostAsync(server, $"{CachePages.Path}/clear", confirm);
        cleared.RequestMessage!.RequestUri!.PathAndQuery.ShouldMatch($"^{CachePages.Path}\\?cleared={stats.GetProperty("entries").GetInt64()}&redis=[1-9]");
        Parse(await cleared.Content.ReadAsStringAsync(Cancel)).QuerySelector(".note[role=status]")!.TextContent.ShouldContain("The cache was emptied");
        (await CacheAsync(server)).GetProperty("entries").GetInt64().ShouldBe(0);
        (await redis.KeysAsync("*", Cancel)).ShouldContain("somebody-elses");
        (await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/audit/records?action=cache.clear", Cancel)).GetProperty("records").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Without_redis_the_page_says_so_and_a_notice_that_somebody_made_up_says_nothing()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        var page = await PageAsync(server.Http, CachePages.Path + "?cleared=%3Cb%3Eall%3C%2Fb%3E");
        page.QuerySelector(".note")!.TextContent.ShouldContain("No Redis is configured");
        page.QuerySelector("[role=status].note").ShouldBeNull();
        page.QuerySelector("form[action$='/ping']").ShouldBeNull();
    }

    [Fact]
    public async Task Settings_are_those_of_config_show_with_units_and_without_secrets()
    {
        await using var server = await RunningServer.StartAsync(
            [.. Quiet, ("Caching:SizeMb", "128"), ("Generation:Provider", "openai"), ("Generation:Endpoint", "http://127.0.0.1:9/v1"), ("Contacts:OnCallEngineer:Webhook", "https://chat.example/hooks/hunter2"), ("Generation:Model", "m"), ("Generation:ApiKey", "sk-very-secret"), ("Caching:LifetimeMinutes", "1440")]);
        var page = await PageAsync(server.Http, SettingsPages.Path);
        var values = Settings.Of(server.Services.GetRequiredService<ConfigurationSections>());
        var rows = page.QuerySelectorAll("tbody tr").ToDictionary(r => r.QuerySelector("th")!.TextContent, r => r.QuerySelectorAll("td").Select(d => d.TextContent.Trim()).ToList());
        rows.Keys.ShouldBe(values.Select(v => v.Key), ignoreOrder: true);
        foreach (var v in values) (rows[v.Key][0], rows[v.Key][1]).ShouldBe((Settings.Text(v.Value, v.Unit) is { Length: > 0 } text ? text : "(none)", v.From), v.Key);
        rows["Caching:SizeMb"].ShouldBe(["128 MiB", "flag", "changed from 256 MiB"]);
        rows["Caching:Redis:TimeoutMs"].ShouldBe(["50 ms", "default", "the same"]);
        // Set, and to what holds anyway.
        rows["Caching:LifetimeMinutes"].ShouldBe(["1440 minutes", "flag", "the same"]);
        rows["Generation:ApiKey"][0].ShouldBe("(set)");
        rows["Contacts:OnCallEngineer:Webhook"][0].ShouldBe("https://chat.example/(set)");
        page.Source.Text.ShouldNotContain("very-secret");
        page.Source.Text.ShouldNotContain("hunter2");
        var changed = page.QuerySelectorAll("tbody tr").Select(r => r.ClassList.Contains("changed")).ToList();
        changed.ShouldBe(changed.OrderByDescending(c => c));
        changed.Count(c => c).ShouldBe(values.Count(v => v.Value != v.Default));

        var found = await PageAsync(server.Http, $"{SettingsPages.Path}?find=caching+flag");
        found.QuerySelectorAll("tbody th").Select(h => h.TextContent).ShouldBe(["Caching:SizeMb", "Caching:LifetimeMinutes"]);
        found.QuerySelector("input[name=find]")!.GetAttribute("value").ShouldBe("caching flag");
        (await PageAsync(server.Http, $"{SettingsPages.Path}?find=%3Cscript%3E")).QuerySelector(".note")!.TextContent.ShouldBe("No key fits.");
        // What is secret is not found by what it is.
        (await PageAsync(server.Http, $"{SettingsPages.Path}?find=hunter2")).QuerySelectorAll("tbody tr").ShouldBeEmpty();
        using var tooLong = await server.Http.GetAsync($"{SettingsPages.Path}?find={new string('x', SettingsPages.MaxFindChars + 1)}", Cancel);
        tooLong.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
    }

    [Fact]
    public async Task An_operator_is_shown_no_way_to_where_only_auditors_go()
    {
        var server = new KeyedServer();
        await using (server)
        {
            await server.InitializeAsync();
            var operates = server.Client((await server.KeyAsync("operator")).Secret);
            (await PageAsync(operates, "/operate")).QuerySelectorAll("#care a").Select(a => a.GetAttribute("href")).ShouldNotContain("/audit#proof");
            var all = server.Client((await server.KeyAsync("admin")).Secret);
            (await PageAsync(all, "/operate")).QuerySelectorAll("#care a").Select(a => a.GetAttribute("href")).ShouldContain("/audit#proof");
            foreach (string role in new[] { "reader", "writer", "auditor" })
                foreach (string path in new[] { "/operate", "/operate/objectives", CachePages.Path, $"{CachePages.Path}/clear", SettingsPages.Path })
                    (await server.Client((await server.KeyAsync(role)).Secret).GetAsync(path, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Forbidden, $"{role} {path}");
        }
    }

    [Fact]
    public async Task An_incident_names_the_section_of_the_runbook_that_says_what_to_do()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        string byHand = await OpenedAsync(server, "Badges cannot be printed", "P2");
        (await PageAsync(server.Http, $"/incidents/{byHand}")).QuerySelector("a[href='/runbook/first-steps-in-any-incident']").ShouldNotBeNull();
        var alert = new { status = "firing", labels = new { alertname = "IndexLag", severity = "ticket" }, annotations = new { summary = "Behind" }, startsAt = "2026-03-01T12:00:00Z", endsAt = "0001-01-01T00:00:00Z", fingerprint = "4f1c2d" };
        using var taken = await server.Http.PostAsJsonAsync("/admin/v1/alerts", new { version = "4", groupKey = "{}", status = "firing", receiver = "ticket", alerts = new[] { alert } }, Cancel);
        string byAlert = (await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/incidents", Cancel)).GetProperty("incidents").EnumerateArray().Single(i => i.GetProperty("key").GetString() == "IndexLag").GetProperty("id").GetString()!;
        (await PageAsync(server.Http, $"/incidents/{byAlert}")).QuerySelector("a[href='/runbook/indexlag']").ShouldNotBeNull();
        (await server.Http.GetAsync("/runbook/indexlag", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_happens_elsewhere_shows_on_open_pages_by_itself()
    {
        await using var server = await RunningServer.StartAsync(Quiet);
        await using var overview = await site.VisitAsync("/operate", site: server.Url);
        await using var maintenance = await site.VisitAsync("/operate/maintenance", site: server.Url);
        await Expect(overview.Page.Locator("#incidents")).ToContainTextAsync("None is open.");
        // Somebody has begun to write there: what they wrote stays.
        await maintenance.Page.GetByLabel("What is done").FillAsync("Half a sen");
        string id = await OpenedAsync(server, "Badges cannot be printed", "P1");
        using (var on = await server.Http.PostAsJsonAsync("/admin/v1/maintenance/read-only", new { reason = "A new disk", @for = "30m" }, Cancel)) on.EnsureSuccessStatusCode();
        await Expect(overview.Page.Locator("#verdict-title")).ToHaveTextAsync("One thing needs somebody now", new() { Timeout = 30_000 });
        await Expect(overview.Page.Locator($"#incidents a[href='/incidents/{id}']")).ToBeVisibleAsync(new() { Timeout = 30_000 });
        await Expect(overview.Page.Locator("#care")).ToContainTextAsync("A new disk", new() { Timeout = 30_000 });
        await Expect(maintenance.Page.Locator("#read-only-state")).ToContainTextAsync("A new disk", new() { Timeout = 30_000 });
        await Expect(maintenance.Page.GetByLabel("What is done")).ToHaveValueAsync("Half a sen");
        overview.ShouldBeQuiet();
        maintenance.ShouldBeQuiet();
    }

    /// <summary>A document, and a question asked so often: all but the first are known to the cache.</summary>
    private static async Task AskedAsync(RunningServer server, int times)
    {
        await server.AddAsync("default", "birds.md", "# Birds\n\nZebrafinches stand on twigs.");
        await server.Services.GetRequiredService<IIndexer>().WaitForAsync(await server.Services.GetRequiredService<ChangeLog>().LastAsync(Cancel), TimeSpan.FromSeconds(30), Cancel);
        for (int i = 0; i < times; i++)
        {
            using var answered = await server.Http.PostAsJsonAsync("/v1/ask", new { question = Question }, Cancel);
            answered.EnsureSuccessStatusCode();
        }
    }

    private static async Task<string> OpenedAsync(RunningServer server, string title, string severity)
    {
        using var opened = await server.Http.PostAsJsonAsync("/admin/v1/incidents", new { title, severity }, Cancel);
        return (await opened.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("incident").GetProperty("id").GetString()!;
    }

    private static async Task<JsonElement> OperatedAsync(RunningServer server, string path, object body)
    {
        using var begun = await server.Http.PostAsJsonAsync(path, body, Cancel);
        begun.EnsureSuccessStatusCode();
        while (true)
        {
            var operation = await server.Http.GetFromJsonAsync<JsonElement>(begun.Headers.Location, Cancel);
            if (operation.GetProperty("state").GetString() != "running") return operation;
            await Task.Delay(50, Cancel);
        }
    }

    private static Task<JsonElement> CacheAsync(RunningServer server) => server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/cache", Cancel);

    private static async Task<IDocument> PageAsync(HttpClient http, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Accept", "text/html" } } };
        using var response = await http.SendAsync(request, Cancel);
        string html = await response.Content.ReadAsStringAsync(Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, html);
        return Parse(html);
    }

    private static IDocument Parse(string html) => new HtmlParser(new() { IsKeepingSourceReferences = true }).ParseDocument(html);

    private static Task<HttpResponseMessage> PostAsync(RunningServer server, string path, IDocument page) =>
        server.Http.PostAsync(path, new FormUrlEncodedContent([new("form_token", page.QuerySelector("input[name=form_token]")!.GetAttribute("value")!)]), Cancel);

    /// <summary>A cell of an objective's row.</summary>
    private static string? Cell(IDocument page, string objective, int column) => page.QuerySelector($"#objectives a[href$='#objective-{objective}']")?.Closest("tr")!.Children[column].TextContent;

    private static string Row(IDocument page, string part) => page.QuerySelector($"{part} tbody tr")!.TextContent;

    private static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        for (int i = 0; i < 300; i++)
        {
            if (await holds()) return;
            await Task.Delay(100, Cancel);
        }
        Assert.Fail("It did not come to that within 30 s.");
    }
}
