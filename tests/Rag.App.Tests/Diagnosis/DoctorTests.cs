using Rag.Testing.Doctor;

namespace Rag.App.Tests.Diagnosis;

/// <summary>Each condition is provoked for real; the doctor names it then, and not before.</summary>
[Collection("degradation")]
public sealed class DoctorTests
{
    public static TheoryData<string> Names => [.. DoctorScenario.All.Select(s => s.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task What_is_wrong_is_named_and_not_before(string name)
    {
        var scenario = DoctorScenario.All.Single(s => s.Name == name);
        if (scenario.Missing() is { } missing && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip(missing);
        (await scenario.ProblemAsync(TestContext.Current.CancellationToken)).ShouldBeNull();
    }

    [Fact]
    public async Task A_healthy_server_needs_nobody_and_every_area_is_looked_at()
    {
        string data = Directory.CreateTempSubdirectory("rag-well-").FullName;
        await using (var server = await Degradation.Replica.StartAsync(data))
        {
            // Found by its data directory.
            var run = await DoctorRun.RunAsync(TestContext.Current.CancellationToken, "--data", data);
            run.ExitCode.ShouldBe(0, run.ToString());
            run.Findings.Select(f => f.Name.Split('.')[0]).Distinct().Order().ShouldBe(["cache", "certificates", "clock", "cpu", "database", "disk", "index", "memory", "model"]);
            run.Findings.ShouldNotContain(f => f.Name.EndsWith("no_server") || f.Name.EndsWith("undiagnosed"));
            var verified = await DoctorRun.RunAsync(TestContext.Current.CancellationToken, "index", "--verify", "--data", data);
            verified.Findings.ShouldContain(f => f.Name == "index.verified");
        }
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task A_server_that_was_killed_is_missed_on_its_data_directory_and_one_that_was_stopped_is_not()
    {
        string data = Directory.CreateTempSubdirectory("rag-killed-").FullName;
        await using (var server = await Degradation.Replica.StartAsync(data, "Server:DrainMs=0"))
        {
            await server.Process.SignalAsync("TERM", TestContext.Current.CancellationToken);
            await server.Process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        (await DoctorRun.RunAsync(TestContext.Current.CancellationToken, "database", "--data", data)).Findings.Select(f => f.Name).ShouldBe(["database.answers"]);
        await using (var server = await Degradation.Replica.StartAsync(data)) await server.Process.KillAsync();
        (await DoctorRun.RunAsync(TestContext.Current.CancellationToken, "database", "--data", data)).Findings.Select(f => f.Name).ShouldBe(["server.refused", "database.answers"]);
        Directory.Delete(data, recursive: true);
    }

    [Fact]
    public async Task A_configuration_that_no_server_starts_with_is_diagnosed_with_every_mistake()
    {
        var run = await DoctorRun.RunAsync(TestContext.Current.CancellationToken, "--set", "Caching:SizeMb=0", "--set", "Slo:KeepDays=1");
        run.ExitCode.ShouldBe(1);
        run.Findings.Count(f => f.Name == "configuration.mistake").ShouldBe(2, run.ToString());
        run.Findings.ShouldContain(f => f.Name.StartsWith("disk."));
    }
}
