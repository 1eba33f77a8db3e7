using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Rag.Testing.Models;
using Shouldly;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Pages;

/// <summary>What the console has on every page, and what stands around an answer.</summary>
public sealed class ConsoleTests(Site site)
{
    private static string Question => SampleDocuments.VacationQuestion;

    [Fact]
    public async Task Keys_go_to_pages_and_are_listed()
    {
        await using var visit = await site.VisitAsync("/");
        var keys = visit.Page.Keyboard;
        await visit.Page.EvaluateAsync("document.activeElement.blur()");
        await keys.PressAsync("?");
        await Expect(visit.Page.Locator("#keys")).ToBeVisibleAsync();
        await Expect(visit.Page.Locator("#keys")).ToContainTextAsync("Incidents");
        await keys.PressAsync("Escape");
        await Expect(visit.Page.Locator("#keys")).ToBeHiddenAsync();
        foreach (var (key, path) in new[] { ("i", "/incidents"), ("d", "/documents"), ("o", "/operate"), ("u", "/audit"), ("a", "/") })
        {
            await keys.PressAsync("g");
            await keys.PressAsync(key);
            await Expect(visit.Page).ToHaveURLAsync(new Regex(Regex.Escape(path) + "$"));
            await visit.Page.EvaluateAsync("document.activeElement?.blur()");
        }
        // In a field a letter is a letter.
        await visit.Page.Locator("#q").FillAsync("");
        await visit.Page.Locator("#q").PressSequentiallyAsync("gi?");
        await Expect(visit.Page.Locator("#q")).ToHaveValueAsync("gi?");
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task The_palette_finds_a_page_by_another_name_and_asks_what_it_does_not_know()
    {
        await using var visit = await site.VisitAsync("/documents");
        var keys = visit.Page.Keyboard;
        await keys.PressAsync("Control+k");
        await Expect(visit.Page.Locator("#palette-input")).ToBeFocusedAsync();
        await keys.TypeAsync("redis");
        await Expect(visit.Page.Locator("#palette-list li").First).ToContainTextAsync("Cache");
        await Expect(visit.Page.Locator("#palette-input")).ToHaveAttributeAsync("aria-activedescendant", new Regex("^place-"));
        var result = await visit.Page.Locator("#palette").EvaluateAsync<bool>("dialog => dialog.contains(document.activeElement)");
        result.ShouldBeTrue();
        await visit.Page.Locator("#palette-input").FillAsync(Question);
        await keys.PressAsync("Enter");
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(Question);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Times_are_shown_in_the_zone_of_whoever_looks_and_in_utc_on_hover()
    {
        await using var visit = await site.VisitAsync("/documents", o => o.TimezoneId = "Asia/Kolkata");
        var time = visit.Page.Locator("#list time").First;
        string utc = (await time.GetAttributeAsync("title"))!, here = await time.TextContentAsync() ?? "";
        var at = DateTimeOffset.Parse((await time.GetAttributeAsync("datetime"))!, System.Globalization.CultureInfo.InvariantCulture);
        utc.ShouldBe(at.ToString("yyyy-MM-dd HH:mm 'UTC'", System.Globalization.CultureInfo.InvariantCulture));
        here.ShouldStartWith(at.ToOffset(TimeSpan.FromMinutes(330)).ToString("yyyy-MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture));
        here.ShouldNotEndWith("UTC");
    }

    [Fact]
    public async Task A_list_follows_what_somebody_else_adds()
    {
        await using var visit = await site.VisitAsync("/documents");
        var list = visit.Page.Locator("#list");
        await Expect(list).Not.ToContainTextAsync("heron-live");
        await site.AddAsync("default", "birds/heron-live.md", "# Heron live\n\nA heron stood in the water while somebody looked.");
        await Expect(list).ToContainTextAsync("heron-live", new() { Timeout = 20_000 });
        await site.Http.DeleteAsync($"/v1/collections/default/documents/{await site.IdAsync("default", "birds/heron-live.md")}", TestContext.Current.CancellationToken);
        await Expect(list).Not.ToContainTextAsync("heron-live", new() { Timeout = 20_000 });
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task What_is_under_somebody_s_hands_is_not_replaced()
    {
        await using var visit = await site.VisitAsync("/documents");
        await visit.Page.Locator("#list a").First.FocusAsync();
        await site.AddAsync("default", "birds/egret-held.md", "# Egret held\n\nAn egret waited.");
        await Task.Delay(12_000, TestContext.Current.CancellationToken);
        await Expect(visit.Page.Locator("#list")).Not.ToContainTextAsync("egret-held");
        await visit.Page.EvaluateAsync("document.activeElement.blur()");
        await Expect(visit.Page.Locator("#list")).ToContainTextAsync("egret-held", new() { Timeout = 20_000 });
        await site.Http.DeleteAsync($"/v1/collections/default/documents/{await site.IdAsync("default", "birds/egret-held.md")}", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_answer_says_why_and_stands_under_its_link_and_in_the_history()
    {
        await using var visit = await site.VisitAsync(AskTests.Path(Question));
        await visit.Page.GetByText("Why this answer").ClickAsync();
        await Expect(visit.Page.Locator("#why")).ToContainTextAsync("source 1");
        await Expect(visit.Page.Locator("#why")).ToContainTextAsync("by words and by meaning");
        string link = (await visit.Page.Locator("#share").GetAttributeAsync("href"))!;
        await visit.Page.GotoAsync("/history");
        await Expect(visit.Page.Locator("#past a")).ToHaveTextAsync([Question]);
        await visit.Page.Locator("#past a").ClickAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex(Regex.Escape(link) + "$"));
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(Question);
        var answer = await site.AskAsync(Question);
        foreach (var sentence in answer.GetProperty("sentences").EnumerateArray()) await Expect(visit.Page.Locator(".prose")).ToContainTextAsync(sentence.GetProperty("text").GetString()!);
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Make it again" }).ClickAsync();
        await Expect(visit.Page.Locator("#replayed")).ToContainTextAsync("the same answer");
        await visit.Page.GotoAsync("/history");
        await visit.Page.Locator("#past-forget").ClickAsync();
        await Expect(visit.Page.Locator("#past-none")).ToBeVisibleAsync();
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task An_answer_is_copied_with_its_sources()
    {
        await using var visit = await site.VisitAsync(AskTests.Path(Question), o => o.Permissions = ["clipboard-read", "clipboard-write"]);
        await visit.Page.Locator("#copy").ClickAsync();
        await Expect(visit.Page.Locator("#copy")).ToHaveTextAsync("Copied with sources");
        string copied = await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        copied.ShouldStartWith("How many vacation days", Case.Insensitive);
        copied.ShouldContain("Employees have 28 vacation days a year. [1]");
        copied.ShouldContain("[1] Vacation, handbook/vacation.md, version 1");
        copied.ShouldContain(site.Url + "/answers/");
    }

    [Fact]
    public async Task A_follow_up_is_understood_from_the_question_before()
    {
        await using var visit = await site.VisitAsync(AskTests.Path(Question));
        await visit.Page.Locator("#follow-up").FillAsync("Can they be carried over?");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Follow up" }).ClickAsync();
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync("Can they be carried over?");
        await Expect(visit.Page.Locator(".turns")).ToContainTextAsync(Question);
        await Expect(visit.Page.Locator(".answer")).ToContainTextAsync("Understood as");
        await Expect(visit.Page.Locator(".prose")).ToContainTextAsync("until the end of March");
        await Expect(visit.Page.Locator("#q")).ToHaveValueAsync("Can they be carried over?");
        await visit.Page.ReloadAsync();
        await Expect(visit.Page.Locator(".turns")).ToContainTextAsync(Question);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_conversation_that_names_no_answer_or_too_many_is_refused_in_words()
    {
        await using var visit = await site.VisitAsync("/?q=and+then%3F&after=nothing");
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("There is no answer 'nothing'");
        await visit.Page.GotoAsync("/?q=and+then%3F&after=1,2,3,4,5,6");
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("at most 5");
        await visit.Page.GotoAsync("/answers/nothing");
        await Expect(visit.Page.Locator(".note.bad")).ToContainTextAsync("There is no answer 'nothing'");
    }

    [Fact]
    public async Task Sentences_of_a_model_appear_as_they_are_settled()
    {
        await using var model = await ScriptedModel.StartAsync();
        var gate = new TaskCompletionSource();
        model.Script = call =>
        {
            if (!call.Composes) return FairModel.Reply(call);
            var said = FairModel.Choose(call).Take(2).Select(p => $"{p.Text.TrimEnd('.')} [{p.Number}]. ").ToList();
            return new ModelReply([said[0] + "Then ", "more. ", .. said.Skip(1)]) { Gate = call.Stream ? gate.Task : null };
        };
        await using var server = await RunningServer.StartAsync([.. model.Settings("compose").Select(s => (s.Key, s.Value!))]);
        foreach (var (name, text) in SampleDocuments.All) await server.AddAsync("default", name, text);
        await server.WaitForEmbeddingAsync("default");
        await using var visit = await site.VisitAsync("/", site: server.Url);
        await visit.Page.Locator("#q").FillAsync(Question);
        await visit.Page.Locator("#q").PressAsync("Enter");
        await Expect(visit.Page.Locator("#answer-stream .prose")).ToContainTextAsync("28 vacation days", new() { Timeout = 15_000 });
        await Expect(visit.Page.Locator(".answer .sources")).ToHaveCountAsync(0);
        gate.SetResult();
        await Expect(visit.Page.Locator("#answer-title")).ToHaveTextAsync(Question);
        await Expect(visit.Page.Locator("#answer-stream")).ToHaveCountAsync(0);
        await Expect(visit.Page.Locator(".answer .sources")).ToBeVisibleAsync();
        await Expect(visit.Page).ToHaveURLAsync(new Regex(@"/\?q="));
        await Expect(visit.Page.Locator(".given")).ToHaveCountAsync(0);
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task Versions_are_compared_by_line_and_word_and_a_document_says_where_it_is_cited()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await server.AddAsync("default", "leave/policy.md", "# Leave\n\nParents may take 14 weeks of paid leave.\n\nAsk the office.\n");
        await server.AddAsync("default", "leave/policy.md", "# Leave\n\nParents may take 16 weeks of paid leave.\n\nAsk the office.\n\nA form is needed.\n");
        using (await server.Http.PostAsJsonAsync("/v1/search", new { query = "leave", wait_for = 4 }, TestContext.Current.CancellationToken)) { }
        await using var visit = await site.VisitAsync("/?q=How+many+weeks+of+paid+leave+may+parents+take%3F", site: server.Url);
        await Expect(visit.Page.Locator(".prose")).ToContainTextAsync("16 weeks");
        await visit.Page.GotoAsync("/documents");
        await visit.Page.Locator(".folders li a").ClickAsync();
        await Expect(visit.Page.Locator(".folders [aria-current]")).ToHaveTextAsync("leave");
        await visit.Page.Locator("#list th a").ClickAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Differences" }).ClickAsync();
        await Expect(visit.Page.Locator(".removed .said del")).ToHaveTextAsync("14");
        await Expect(visit.Page.Locator(".added .said ins").First).ToHaveTextAsync("16");
        await Expect(visit.Page.Locator(".differences")).ToContainTextAsync("A form is needed.");
        await visit.Page.GoBackAsync();
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Where it is cited" }).ClickAsync();
        await Expect(visit.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Expect(visit.Page.Locator("tbody")).ToContainTextAsync("How many weeks of paid leave may parents take?");
        visit.ShouldBeQuiet();
    }
}
