#!/bin/sh
# Makes the videos of this folder (Debian 12, ffmpeg 5.1), and prints how many frames ffmpeg decodes from each.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)

run() { ffmpeg -nostdin -loglevel error -y "$@"; }
source="-f lavfi -i testsrc2=size=64x48:rate=25 -frames:v 20"
noisy="-f lavfi -i testsrc2=size=64x48:rate=25,noise=alls=24:allf=t -frames:v 16"
xvid="-c:v libxvid -bf 2 -g 8 -q:v 12"
x264="-c:v libx264 -bf 3 -g 8 -crf 20 -x264-params open-gop=1:b-adapt=0:scenecut=0"
x265="log-level=error:keyint=8:min-keyint=8:crf=24:bframes=3:b-adapt=0:scenecut=0"
mpeg2="-c:v mpeg2video -bf 2 -q:v 5"
vp8="-c:v libvpx -g 12 -auto-alt-ref 1 -lag-in-frames 16 -b:v 40k -passlogfile $tmp/vp8"
offset="-c copy -avoid_negative_ts disabled -muxdelay 0 -muxpreload 0 -output_ts_offset"

# MPEG-4 with packed B frames; without the mark in its header, decoders lose the second picture of a packet.
run $noisy $xvid xvid.avi
run $noisy $xvid -vtag DIVX divx.avi
sed 's/DivX503b1393p/DivX503b1393\x00/g' xvid.avi > unmarked.avi
for suffix in mp4 mkv nut; do run -fflags +genpts -i xvid.avi -c copy xvid_copy.$suffix; done
# One picture a packet, in the order of the file.
run -fflags +genpts -i xvid.avi -c copy -bsf:v mpeg4_unpack_bframes unpacked.mkv
run -i xvid.avi -c copy -bsf:v mpeg4_unpack_bframes unpacked.mp4 2> /dev/null
# Pictures of less than 20 bytes, and pictures that are not coded.
run -f lavfi -i testsrc2=size=32x32:rate=25 -frames:v 12 $xvid short.avi

# H.264 whose times are in the order of the file.
run $source $x264 $tmp/h264.avi
run -fflags +genpts -i $tmp/h264.avi -c copy h264_copy.mp4

# Open groups: whole, and after a cut.
run $source $x264 open.mp4
run -ss 0.4 -i open.mp4 -c copy open_cut.mkv
run $source $mpeg2 open.mpg 2> /dev/null

# Times below zero, and times that wrap after 2^33 ticks.
run $source $x264 $tmp/open.ts
cp open.mpg $tmp
for suffix in ts mpg; do
    run -i $tmp/open.$suffix $offset -1 negative.$suffix 2> /dev/null
    run -i $tmp/open.$suffix $offset 95442.5 wrapping.$suffix 2> /dev/null
done

# Hidden frames; a header that counts ticks in place of frames.
for pass in 1 2; do run $source $vp8 -pass $pass hidden.ivf; done
run $source -c:v libvpx-vp9 -b:v 40k $tmp/vp9.mkv
run -i $tmp/vp9.mkv -c copy ticks.ivf

# Frames that repeat the one before: packets without content in Ogg, none in Matroska.
run -f lavfi -i testsrc2=size=64x48:rate=5 -frames:v 20 -vf fps=25 -c:v libtheora -g 12 -q:v 1 repeated.ogv
run -i repeated.ogv -c copy repeated.mkv

# Leading pictures after a cut: not decodable (open group), and decodable.
run $source -c:v libx265 -x265-params $x265:open-gop=1 $tmp/leading.mp4
run $source -c:v libx265 -x265-params $x265:open-gop=0:radl=2 $tmp/decodable.mp4
for suffix in mp4 mkv; do run -ss 0.4 -i $tmp/leading.mp4 -c copy leading.$suffix; done
run -ss 0.4 -i $tmp/decodable.mp4 -c copy decodable.mkv
run -ss 0.4 -i $tmp/decodable.mp4 -c copy $tmp/decodable.ts
run -i $tmp/decodable.ts -c copy decodable.nut

# Transport streams without their start, and without a piece of their middle (packets of 188 bytes): one loses whole
# frames, the other a part of a frame.
tail -c +3001 $tmp/open.ts > without_start.ts
(head -c $((188 * 16)) $tmp/open.ts; tail -c +$((188 * 24 + 1)) $tmp/open.ts) > without_middle.ts
run $source $mpeg2 $tmp/mpeg2.ts
(head -c $((188 * 8)) $tmp/mpeg2.ts; tail -c +$((188 * 9 + 1)) $tmp/mpeg2.ts) > damaged.ts

for file in *.*; do
    [ "$file" = make.sh ] ||
        echo "$file $(ffmpeg -nostdin -loglevel quiet -i "$file" -fps_mode passthrough -f framecrc - | grep -vc '^#')"
done
