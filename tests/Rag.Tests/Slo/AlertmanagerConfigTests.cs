using System.Text.RegularExpressions;
using Rag.Slo.Export;

namespace Rag.Tests.Slo;

public sealed partial class AlertmanagerConfigTests
{
    private static readonly string Config = Deploy.File(AlertmanagerConfig.Path);

    [Fact]
    public async Task Amtool_accepts_the_configuration() =>
        (await Deploy.RunAsync("amtool", "check-config", Config)).ShouldContain("SUCCESS");

    [Theory]
    [InlineData("page", "alertname=AvailabilityBurnFast", "severity=page", "objective=availability", "window=1h")]
    [InlineData("page", "alertname=DatabaseDown", "severity=page", "replica=replica-1")]
    [InlineData("ticket", "alertname=RedisDown", "severity=ticket", "replica=replica-1")]
    [InlineData("ticket", "alertname=HighErrorRate", "severity=warning")]
    [InlineData("ticket", "alertname=SlowResponseTime", "severity=critical")]
    [InlineData("ticket", "alertname=SlowResponseTime", "severity=page")]
    [InlineData("nobody", "alertname=DatabaseDownRecently", "severity=none", "window=1h")]
    [InlineData("ticket", "alertname=OfAnotherProgram")]
    public async Task An_alert_goes_to_whoever_must_hear_of_it(string receiver, params string[] labels) =>
        (await RouteAsync(labels)).ShouldBe(receiver);

    [Fact]
    public async Task Every_alert_goes_where_its_severity_says()
    {
        foreach (var alert in PrometheusRules.Alerts)
            (await RouteAsync($"alertname={alert.Name}", $"severity={alert.Severity}")).ShouldBe(alert.Severity == Severity.None ? "nobody" : alert.Severity, alert.Name);
    }

    [Fact]
    public void Alerts_that_silence_and_are_silenced_exist()
    {
        var known = PrometheusRules.Alerts.Select(a => a.Name).Concat(PrometheusRules.NamesOfTheRunbook).ToHashSet();
        var named = AlertNames().Matches(File.ReadAllText(Config)).SelectMany(m => m.Groups[1].Value.Split('|')).ToList();
        named.ShouldContain(ServiceAlerts.DatabaseDownRecently);
        foreach (string name in named) known.ShouldContain(name);
    }

    [Fact]
    public void The_address_of_the_service_is_the_callers()
    {
        AlertmanagerConfig.Generate("https://rag.example.org").ShouldContain("url: 'https://rag.example.org/admin/v1/alerts'");
        AlertmanagerConfig.Generate("https://rag.example.org").ShouldNotContain(AlertmanagerConfig.DefaultServer);
        // deploy/local/up puts its own address in the place of this one.
        File.ReadAllText(Deploy.File("local/up")).ShouldContain($"s|{AlertmanagerConfig.DefaultServer}{AlertmanagerConfig.Endpoint}|");
    }

    private static async Task<string> RouteAsync(params string[] labels) =>
        // It warns on the same output that it asks no server.
        (await Deploy.RunAsync("amtool", ["config", "routes", "test", $"--config.file={Config}", .. labels])).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Single(line => !line.StartsWith("Warning", StringComparison.Ordinal));

    [GeneratedRegex("alertname!?=~?\"([^\"]+)\"")]
    private static partial Regex AlertNames();
}
