using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Rag.Testing.Doctor;

/// <summary>A processor that burns, a heap that leaks, a disk that is full, a certificate that has expired.</summary>
internal static class MachineScenarios
{
    private const string DiskSize = "48m";

    public static readonly IReadOnlyList<DoctorScenario> All =
    [
        new("a full disk", "disk.full", () => Environment.IsPrivilegedProcess && OperatingSystem.IsLinux() ? null : "only root may mount a small file system", true, FullDiskAsync),
        new("an expired certificate", "certificates.expired", () => null, true, ExpiredAsync),
        new("an expired certificate in a file", "certificates.expired", () => null, false, ExpiredFileAsync),
        new("a thread that computes without end", "cpu.burn", () => OperatingSystem.IsLinux() ? null : "threads are told apart on Linux only", false, BurnAsync),
        new("a heap that leaks", "memory.leak", () => null, false, LeakAsync),
    ];

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> FullDiskAsync(CancellationToken ct)
    {
        string folder = Directory.CreateTempSubdirectory("rag-full-").FullName;
        await ChildServer.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={DiskSize}", "rag-full", folder], ct);
        try
        {
            var well = await DoctorRun.RunAsync(ct, "disk", "--data", folder);
            await using (var file = File.Create(Path.Combine(folder, "ballast")))
            {
                byte[] bytes = new byte[65_536];
                try
                {
                    while (true) await file.WriteAsync(bytes, ct);
                }
                catch (IOException)
                {
                    // Full.
                }
            }
            return (well, await DoctorRun.RunAsync(ct, "disk", "--data", folder));
        }
        finally
        {
            await ChildServer.RunAsync("umount", [folder], CancellationToken.None);
            Directory.Delete(folder);
        }
    }

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> ExpiredAsync(CancellationToken ct)
    {
        using var valid = Certificate(daysLeft: 90);
        using var expired = Certificate(daysLeft: -1);
        return (await LookAtAsync(valid), await LookAtAsync(expired));

        async Task<DoctorRun> LookAtAsync(X509Certificate2 certificate)
        {
            using var listener = new TcpListener(IPAddress.Loopback, ChildServer.FreePort());
            listener.Start();
            var serving = ServeAsync(listener, certificate, ct);
            var run = await DoctorRun.RunAsync(ct, "certificates", "--set", $"Diagnosis:Certificates=localhost:{((IPEndPoint)listener.LocalEndpoint).Port}");
            listener.Stop();
            await serving;
            return run;
        }
    }

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> ExpiredFileAsync(CancellationToken ct)
    {
        string file = Path.Combine(Path.GetTempPath(), $"rag-certificate-{Guid.NewGuid():N}.pem");
        try
        {
            return (await LookAtAsync(90), await LookAtAsync(-1));
        }
        finally
        {
            File.Delete(file);
        }

        async Task<DoctorRun> LookAtAsync(int daysLeft)
        {
            using var certificate = Certificate(daysLeft);
            await File.WriteAllTextAsync(file, certificate.ExportCertificatePem(), ct);
            return await DoctorRun.RunAsync(ct, "certificates", "--set", $"Diagnosis:Certificates={file}");
        }
    }

    private static async Task ServeAsync(TcpListener listener, X509Certificate2 certificate, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(ct);
                await using var tls = new SslStream(client.GetStream());
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, ct);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException or AuthenticationException)
        {
            // Stopped.
        }
    }

    private static X509Certificate2 Certificate(int daysLeft)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-30), now.AddDays(daysLeft));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> BurnAsync(CancellationToken ct)
    {
        string file = Path.Combine(Path.GetTempPath(), $"rag-burn-{Guid.NewGuid():N}");
        await using var server = await RagServe.StartAsync(ct, Hook("RAG_TEST_BURN", file));
        var well = await server.LookAsync(ct, "cpu");
        try
        {
            await File.WriteAllTextAsync(file, "", ct);
            await Task.Delay(500, ct);
            var wrong = await server.LookAsync(ct, "cpu");
            if (wrong.EvidenceOf("cpu.burn")?.Contains("StartupHook.Burn", StringComparison.Ordinal) != true) throw new InvalidOperationException($"The method that burns is not named: {wrong}");
            return (well, wrong);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<(DoctorRun Well, DoctorRun Wrong)> LeakAsync(CancellationToken ct)
    {
        string file = Path.Combine(Path.GetTempPath(), $"rag-leak-{Guid.NewGuid():N}");
        await using var server = await RagServe.StartAsync(ct, Hook("RAG_TEST_LEAK", file), "Diagnosis:SampleSeconds=1");
        // As many samples as growth is told from, while the process does what it does.
        for (int i = 0; i < 13; i++)
        {
            await server.AskAsync(20, ct);
            await Task.Delay(1_000, ct);
        }
        var well = await server.LookAsync(ct, "memory");
        try
        {
            await File.WriteAllTextAsync(file, "", ct);
            await Task.Delay(TimeSpan.FromSeconds(26), ct);
            var wrong = await server.LookAsync(ct, "memory", "--heap");
            if (wrong.EvidenceOf("memory.heap")?.StartsWith("System.Byte[]", StringComparison.Ordinal) != true) throw new InvalidOperationException($"The type that leaks is not the first: {wrong}");
            return (well, wrong);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static Dictionary<string, string> Hook(string name, string file) => new() { ["DOTNET_STARTUP_HOOKS"] = typeof(MachineScenarios).Assembly.Location, [name] = file };
}
