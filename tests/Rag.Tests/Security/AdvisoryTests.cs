using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using NuGet.Versioning;
using Rag.Foundation;
using Rag.Security;
using Rag.Security.Advisories;
using Rag.Testing;

namespace Rag.Tests.Security;

public sealed class AdvisoryTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("12.0.3", true)]
    [InlineData("13.0.1", false)]
    [InlineData("13.0.1-beta1", true)]
    [InlineData("13.0.1.0", false)]
    [InlineData("0.0.1", true)]
    [InlineData("13.0.2", false)]
    public void A_version_before_the_one_that_mends_it_is_affected(string version, bool affected) => Package(Advisory("A", "X", [("introduced", "0"), ("fixed", "13.0.1")])).Affects(NuGetVersion.Parse(version)).ShouldBe(affected);

    [Theory]
    [InlineData("3.9.9", false)]
    [InlineData("4.0", true)]
    [InlineData("4.5.0.0", true)]
    [InlineData("4.5.1", false)]
    [InlineData("4.6.0", true)]
    [InlineData("4.7.1", true)]
    [InlineData("4.7.2", false)]
    [InlineData("5.0.0", true)]
    [InlineData("5.0.1", false)]
    public void Several_ranges_are_several_times_in_which_it_was_weak(string version, bool affected)
    {
        var package = Package("""
            {"id":"A","modified":"2026-02-28T00:00:00Z","affected":[{"package":{"ecosystem":"NuGet","name":"System.Text.Encodings.Web"},
             "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"4.6.0"},{"fixed":"4.7.2"},{"introduced":"4.0.0"},{"fixed":"4.5.1"}]},{"type":"SEMVER","events":[{"introduced":"5.0.0"},{"fixed":"5.0.1"}]},{"type":"GIT","events":[{"introduced":"0"}]}]}]}
            """);
        package.Affects(NuGetVersion.Parse(version)).ShouldBe(affected);
    }

    [Fact]
    public void The_last_version_that_is_affected_is_and_the_next_is_not()
    {
        var package = Package(Advisory("A", "X", [("introduced", "1.0.0"), ("last_affected", "2.0.0")]));
        new[] { "0.9", "1.0", "2.0.0.0", "2.0.1" }.Select(v => package.Affects(NuGetVersion.Parse(v))).ShouldBe([false, true, true, false]);
    }

    [Fact]
    public void Versions_are_compared_as_NuGet_does()
    {
        var package = Package("""{"id":"A","affected":[{"package":{"ecosystem":"nuget","name":"X"},"versions":["1.0.0.0","2.0.0-RC1"]}]}""");
        new[] { "1.0", "1.0.0+meta", "2.0.0-rc1", "2.0.0" }.Select(v => package.Affects(NuGetVersion.Parse(v))).ShouldBe([true, true, true, false]);
    }

    [Fact]
    public void What_was_withdrawn_or_is_of_another_ecosystem_is_left_out()
    {
        AdvisoryReader.Read(Bytes("""{"id":"A","withdrawn":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"NuGet","name":"X"},"versions":["1.0.0"]}]}""")).ShouldBeEmpty();
        AdvisoryReader.Read(Bytes("""{"id":"A","affected":[{"package":{"ecosystem":"npm","name":"X"},"versions":["1.0.0"]}]}""")).ShouldBeEmpty();
        AdvisoryReader.Read(Bytes("[1, null, {}]")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Advisories_that_do_not_hit_what_is_shipped_are_clean_if_they_hit_the_canary()
    {
        var scan = await ScanAsync(f => f("a.json", Known()));
        (scan.Result, scan.Findings.Count, scan.NewestAt).ShouldBe((SecurityScan.Clean, 0, new DateTimeOffset(2026, 2, 28, 0, 0, 0, TimeSpan.Zero)));
        scan.Packages.ShouldBeGreaterThan(30);
    }

    [Fact]
    public async Task A_blind_scanner_says_unknown()
    {
        (await ScanAsync(f => f("a.json", Advisory("A", "Something.Else", [("introduced", "0")])))).Why.ShouldContain("do not know that Newtonsoft.Json 12.0.3 is weak");
        (await ScanAsync(_ => { })).ShouldSatisfyAllConditions(s => s.Result.ShouldBe(SecurityScan.Unknown), s => s.Why.ShouldContain("no advisory"));
        (await ScanAsync(f => { f("a.json", Known()); f("b.json", "not json"); })).ShouldSatisfyAllConditions(s => s.Result.ShouldBe(SecurityScan.Unknown), s => s.Why.ShouldContain("1 files"));
        (await ScanAsync(f => f("a.json", Known("2026-01-01T00:00:00Z")))).ShouldSatisfyAllConditions(s => s.Result.ShouldBe(SecurityScan.Unknown), s => s.Why.ShouldContain("stale"));
        (await ScanAsync(null)).ShouldSatisfyAllConditions(s => s.Result.ShouldBe(SecurityScan.Unknown), s => s.Why.ShouldContain("No source"));
    }

    [Fact]
    public async Task A_weakness_of_what_is_shipped_is_found_whatever_the_case_of_its_name()
    {
        var scan = await ScanAsync(f => { f("a.json", Known()); f("b.json", Advisory("GHSA-test", "dapper", [("introduced", "0"), ("fixed", "99.0.0")], "HIGH")); });
        scan.Result.ShouldBe(SecurityScan.Found);
        var finding = scan.Findings.ShouldHaveSingleItem();
        (finding.Advisory, finding.Package, finding.Severity, finding.Fixed).ShouldBe(("GHSA-test", "Dapper", "high", "99.0.0"));
    }

    [Fact]
    public async Task What_dotnet_prints_is_a_source_too()
    {
        const string printed = """
            {"version":1,"projects":[{"path":"a.csproj","frameworks":[{"framework":"net10.0","topLevelPackages":[{"id":"Newtonsoft.Json","resolvedVersion":"12.0.3","vulnerabilities":[{"severity":"High","advisoryurl":"https://github.com/advisories/GHSA-5crp-9r3c-p9vr"}]}],
             "transitivePackages":[{"id":"NodaTime","resolvedVersion":"3.3.7","vulnerabilities":[{"severity":"Low","advisoryurl":"https://github.com/advisories/GHSA-none"}]}]}]}]}
            """;
        var scan = await ScanAsync(f => f("a.json", printed));
        scan.Findings.ShouldHaveSingleItem().ShouldSatisfyAllConditions(x => x.Advisory.ShouldBe("GHSA-none"), x => x.Package.ShouldBe("NodaTime"));
    }

    [Fact]
    public async Task An_archive_is_read_from_a_web_server_and_the_result_is_kept()
    {
        using var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        using (var writer = new StreamWriter(zip.CreateEntry("GHSA-5crp-9r3c-p9vr.json").Open())) await writer.WriteAsync(Known());
        await using var server = new BytesServer(bytes.ToArray());
        await using var service = await TestService.StartAsync(settings: new() { ["Security:Advisories:Url"] = server.Address }, time: new FakeTimeProvider(Now));
        var scan = await service.Get<AdvisoryScan>().RunAsync(Cancel);
        scan.Result.ShouldBe(SecurityScan.Clean, scan.Why);
        (await service.Get<AdvisoryScan>().ListAsync(Cancel)).Scans.ShouldContain(s => s.Id == scan.Id && s.Why == scan.Why);
        await server.DisposeAsync();
        (await service.Get<AdvisoryScan>().LookAsync(Cancel)).ShouldSatisfyAllConditions(s => s.Result.ShouldBe(SecurityScan.Unknown), s => s.Why.ShouldContain("cannot be read"));
    }

    [Fact]
    public async Task The_bill_of_materials_has_what_CycloneDX_asks_for()
    {
        await using var service = await TestService.StartAsync(settings: new() { ["Inference:Provider"] = "local" }, inference: false);
        using var bom = JsonDocument.Parse(service.Get<Sbom>().Write().ToJsonString());
        var root = bom.RootElement;
        (root.GetProperty("bomFormat").GetString(), root.GetProperty("specVersion").GetString(), root.GetProperty("version").GetInt32()).ShouldBe(("CycloneDX", "1.6", 1));
        root.GetProperty("serialNumber").GetString().ShouldNotBeNull().ShouldMatch("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$");
        var components = root.GetProperty("components").EnumerateArray().ToList();
        var refs = components.Select(c => c.GetProperty("bom-ref").GetString()!).Append(root.GetProperty("metadata").GetProperty("component").GetProperty("bom-ref").GetString()!).ToList();
        refs.Distinct().Count().ShouldBe(refs.Count);
        foreach (var c in components)
        {
            c.GetProperty("type").GetString().ShouldBeOneOf("library", "framework", "machine-learning-model");
            c.GetProperty("name").GetString().ShouldNotBeNullOrEmpty();
            c.GetProperty("purl").GetString().ShouldNotBeNull().ShouldMatch(@"^pkg:(nuget|generic)/[\w.%-]+@[\w.%+-]+$");
            if (c.TryGetProperty("hashes", out var hashes))
                foreach (var h in hashes.EnumerateArray()) h.GetProperty("content").GetString().ShouldNotBeNull().ShouldMatch(h.GetProperty("alg").GetString() == "SHA-512" ? "^[0-9a-f]{128}$" : "^[0-9a-f]{64}$");
        }
        components.ShouldContain(c => c.GetProperty("name").GetString() == "Dapper" && c.GetProperty("hashes").GetArrayLength() == 1);
        var model = components.Single(c => c.GetProperty("type").GetString() == "machine-learning-model");
        (model.GetProperty("name").GetString(), model.GetProperty("licenses")[0].GetProperty("license").GetProperty("id").GetString(), model.GetProperty("hashes")[0].GetProperty("alg").GetString()).ShouldBe(("all-MiniLM-L6-v2.int8", "Apache-2.0", "SHA-256"));
        var known = refs.ToHashSet();
        var dependencies = root.GetProperty("dependencies").EnumerateArray().ToList();
        dependencies.Select(d => d.GetProperty("ref").GetString()!).ShouldBe(refs, ignoreOrder: true);
        dependencies.SelectMany(d => d.GetProperty("dependsOn").EnumerateArray()).ShouldAllBe(d => known.Contains(d.GetString()!));
    }

    /// <summary>The advisory that the default canary needs, as far as it is known to be about Newtonsoft.Json before 13.0.1.</summary>
    private static string Known(string modified = "2026-02-28T00:00:00Z") => Advisory("GHSA-5crp-9r3c-p9vr", "Newtonsoft.Json", [("introduced", "0"), ("fixed", "13.0.1")], "HIGH", modified);

    private static string Advisory(string id, string package, (string Kind, string Version)[] events, string severity = "LOW", string modified = "2026-02-28T00:00:00Z") => JsonSerializer.Serialize(new
    {
        id,
        modified,
        summary = "A test.",
        affected = new[] { new { package = new { ecosystem = "NuGet", name = package }, ranges = new[] { new { type = "ECOSYSTEM", events = events.Select(e => new Dictionary<string, string> { [e.Kind] = e.Version }) } } } },
        database_specific = new { severity },
    });

    private static AffectedPackage Package(string json) => AdvisoryReader.Read(Bytes(json)).Single().Affected.Single();

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static async Task<SecurityScan> ScanAsync(Action<Action<string, string>>? files)
    {
        string folder = Directory.CreateTempSubdirectory("rag-advisories-").FullName;
        try
        {
            files?.Invoke((name, text) => File.WriteAllText(Path.Combine(folder, name), text));
            await using var service = await TestService.StartAsync(settings: files is null ? null : new() { ["Security:Advisories:Path"] = folder }, time: new FakeTimeProvider(Now));
            return await service.Get<AdvisoryScan>().LookAsync(Cancel);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A web server with one file.</summary>
    private sealed class BytesServer : IAsyncDisposable
    {
        private readonly System.Net.HttpListener _listener = new();
        private readonly Task _running;

        public BytesServer(byte[] content)
        {
            Address = $"http://127.0.0.1:{ChildServer.FreePort()}/all.zip";
            _listener.Prefixes.Add(Address[..^"all.zip".Length]);
            _listener.Start();
            _running = Task.Run(async () =>
            {
                while (_listener.IsListening)
                {
                    var context = await _listener.GetContextAsync();
                    await context.Response.OutputStream.WriteAsync(content);
                    context.Response.Close();
                }
            });
        }

        public string Address { get; }

        public async ValueTask DisposeAsync()
        {
            if (_listener.IsListening) _listener.Stop();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
