using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Maintenance;
using Rag.Storage;
using Rag.Testing;
using Rag.Tests.Slo;

namespace Rag.Tests.Maintenance;

public sealed class MaintenanceOnSqlite() : MaintenanceWindowTests(Engine.Sqlite);

public sealed class MaintenanceOnPostgres() : MaintenanceWindowTests(Engine.Postgres);

public abstract class MaintenanceWindowTests(Engine engine)
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_window_is_told_of_from_a_day_before_it_until_its_end()
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var (windows, notice) = (service.Get<MaintenanceWindows>(), service.Get<MaintenanceNotice>());
        var announced = (await windows.AnnounceAsync(new("Größere Platte", Noon.AddHours(30), "2h", "Ada"), Cancel)).Window;
        (announced.State, announced.EndsAt, announced.AnnouncedBy, announced.SilenceId).ShouldBe((MaintenanceWindow.Announced, Noon.AddHours(32), "Ada", null));
        notice.HeaderValue().ShouldBeNull();
        time.Advance(TimeSpan.FromHours(6));
        notice.HeaderValue().ShouldBe("2026-03-02T18:00:00Z/2026-03-02T20:00:00Z; Gr??ere Platte");
        notice.Current.Single().State.ShouldBe(MaintenanceWindow.Announced);
        time.Advance(TimeSpan.FromHours(24));
        notice.Current.Single().State.ShouldBe(MaintenanceWindow.Open);
        (await windows.ListAsync(Cancel)).Windows.Single().State.ShouldBe(MaintenanceWindow.Open);
        time.Advance(TimeSpan.FromHours(2));
        notice.Current.ShouldBeEmpty();
        (await windows.ListAsync(Cancel)).Windows.Single().State.ShouldBe(MaintenanceWindow.Over);
    }

    [Fact]
    public async Task A_window_that_is_cancelled_is_told_of_no_more()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var (windows, notice) = (service.Get<MaintenanceWindows>(), service.Get<MaintenanceNotice>());
        var window = (await windows.AnnounceAsync(new("New disk", null, "1h"), Cancel)).Window;
        notice.HeaderValue().ShouldNotBeNull().ShouldEndWith("; New disk");
        (await windows.CancelAsync(window.Id, Cancel)).Window.State.ShouldBe(MaintenanceWindow.Cancelled);
        notice.HeaderValue().ShouldBeNull();
        (await Should.ThrowAsync<RagException>(() => windows.CancelAsync(window.Id, Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        (await Should.ThrowAsync<RagException>(() => windows.CancelAsync("none", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
    }

    [Fact]
    public async Task What_was_read_last_is_told_on_while_the_record_is_away()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.Get<MaintenanceWindows>().AnnounceAsync(new("New disk", null, "1h"), Cancel);
        service.Get<RecordState>().Postponed = new RagException(ErrorKind.Unavailable, "away", "wait");
        await service.Get<MaintenanceNotice>().RefreshAsync(Cancel);
        service.Get<MaintenanceNotice>().Current.ShouldHaveSingleItem();
    }

    [Theory]
    [InlineData("", 0, "1h", "no title")]
    [InlineData("x", -6, "1h", "is past")]
    [InlineData("x", 0, "59s", "out of bounds")]
    [InlineData("x", 0, "8d", "out of bounds")]
    [InlineData("x", 0, "two hours", "not a length of time")]
    [InlineData("x", 600_000, "1h", "more than a year")]
    public async Task What_is_out_of_bounds_is_refused(string title, int startMinutes, string length, string why)
    {
        var time = new FakeTimeProvider(Noon);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        (await Should.ThrowAsync<RagException>(() => service.Get<MaintenanceWindows>().AnnounceAsync(new(title, Noon.AddMinutes(startMinutes), length), Cancel))).Message.ShouldContain(why);
        (await service.Get<MaintenanceWindows>().ListAsync(Cancel)).Windows.ShouldBeEmpty();
    }

    [Fact]
    public async Task Only_so_many_windows_are_to_come()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var windows = service.Get<MaintenanceWindows>();
        for (int i = 0; i < MaintenanceWindows.MaxOpen; i++) await windows.AnnounceAsync(new($"Window {i}", null, "1h"), Cancel);
        (await Should.ThrowAsync<RagException>(() => windows.AnnounceAsync(new("One more", null, "1h"), Cancel))).Kind.ShouldBe(ErrorKind.Conflict);
        await windows.CancelAsync((await windows.ListAsync(Cancel)).Windows[0].Id, Cancel);
        (await windows.AnnounceAsync(new("One more", null, "1h"), Cancel)).Window.Title.ShouldBe("One more");
    }

    [Fact]
    public async Task Alertmanager_is_silent_over_the_window_and_no_longer_once_it_is_cancelled()
    {
        int port = ChildServer.FreePort();
        string storage = Directory.CreateTempSubdirectory("rag-alertmanager-").FullName;
        try
        {
            await using var server = ChildServer.Start(Deploy.Tool("prometheus-alertmanager"),
                [$"--config.file={Deploy.File("prometheus/alertmanager.yml")}", $"--storage.path={storage}", $"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]);
            using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{port}") };
            await server.WaitUntilAsync(async ct => (await http.GetAsync("/-/ready", ct)).IsSuccessStatusCode, TimeSpan.FromSeconds(30), Cancel);
            await using var service = await TestService.StartAsync(engine: engine, settings: new() { ["Maintenance:AlertmanagerUrl"] = $"http://127.0.0.1:{port}/" });
            var windows = service.Get<MaintenanceWindows>();
            var announced = await windows.AnnounceAsync(new("New disk", null, "2h", "Ada"), Cancel);
            announced.SilenceProblem.ShouldBeNull();
            var silence = await SilenceAsync(http, announced.Window.SilenceId.ShouldNotBeNull());
            (State(silence), silence.GetProperty("createdBy").GetString()).ShouldBe(("active", "Ada"));
            silence.GetProperty("comment").GetString()!.ShouldContain("New disk");
            DateTimeOffset.Parse(silence.GetProperty("endsAt").GetString()!, CultureInfo.InvariantCulture).ShouldBe(announced.Window.EndsAt, TimeSpan.FromMilliseconds(2));
            // An alert of the product is silenced, and one of another program is not.
            await http.PostAsJsonAsync("/api/v2/alerts", new[] { new { labels = new { alertname = "DatabaseDown", job = "rag-system" } }, new { labels = new { alertname = "DatabaseDown", job = "other" } } }, Cancel);
            await server.WaitUntilAsync(async ct => (await http.GetFromJsonAsync<JsonElement>("/api/v2/alerts", ct)).EnumerateArray().Count(a => a.GetProperty("status").GetProperty("state").GetString() == "suppressed") == 1, TimeSpan.FromSeconds(30), Cancel);

            (await windows.CancelAsync(announced.Window.Id, Cancel)).SilenceProblem.ShouldBeNull();
            State(await SilenceAsync(http, announced.Window.SilenceId!)).ShouldBe("expired");
        }
        finally
        {
            Directory.Delete(storage, recursive: true);
        }
    }

    [Fact]
    public async Task Without_Alertmanager_the_window_is_announced_all_the_same_and_that_is_said()
    {
        await using var service = await TestService.StartAsync(engine: engine, settings: new() { ["Maintenance:AlertmanagerUrl"] = $"http://127.0.0.1:{ChildServer.FreePort()}" });
        var announced = await service.Get<MaintenanceWindows>().AnnounceAsync(new("New disk", null, "2h"), Cancel);
        announced.SilenceProblem.ShouldNotBeNull().ShouldContain("does not answer");
        announced.SilenceRemedy.ShouldNotBeNull();
        (announced.Window.State, announced.Window.SilenceId).ShouldBe((MaintenanceWindow.Open, null));
        service.Get<MaintenanceNotice>().Current.ShouldHaveSingleItem();
    }

    private static async Task<JsonElement> SilenceAsync(HttpClient http, string id) => await http.GetFromJsonAsync<JsonElement>($"/api/v2/silence/{id}", Cancel);

    private static string? State(JsonElement silence) => silence.GetProperty("status").GetProperty("state").GetString();
}
