using System.Runtime.InteropServices;

namespace Rag.Inference;

/// <summary>
/// ONNX Runtime's builds report use to their maker: a device id in the user's cache folder, and events over HTTPS. This product tells nobody
/// anything, so that is turned off before the library is loaded, which is when it reads the variable (ONNX Runtime 1.31, <c>telemetry_1ds.cc</c>).
/// </summary>
internal static partial class OnnxTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    public static void TurnOff()
    {
        Environment.SetEnvironmentVariable(Variable, "1");
        // On Unix .NET keeps a copy of the environment for itself; native code reads the process's.
        if (!OperatingSystem.IsWindows()) _ = setenv(Variable, "1", 1);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
